package testscripts

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"gopkg.in/yaml.v3"
)

// ciSteps runs the shell steps of a CI configuration, as the CI system does: of
// GitHub Actions each step in a shell of its own, of GitLab each job. What
// secrets and variables the system would fill in are the script's variables of
// these names.
func ciSteps(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cisteps github|gitlab FILE")
	}
	data, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	var steps []ciStep
	switch args[0] {
	case "github":
		steps, err = gitHubSteps(data)
	case "gitlab":
		steps, err = gitLabSteps(data)
	}
	ts.Check(err)
	if len(steps) < 2 {
		ts.Fatalf("%s has the steps %v", args[1], steps)
	}
	for i, step := range steps {
		step.run(ts, filepath.Join(ts.Getenv("RUNNER_TEMP"), fmt.Sprintf("%s-%d.sh", args[0], i)))
	}
}

// ciStep is one shell of a CI job.
type ciStep struct {
	script string
	env    map[string]string
}

// expression is how GitHub's configuration refers to a secret or variable.
var expression = regexp.MustCompile(`^\$\{\{ (?:secrets|vars)\.([A-Z_0-9]+) \}\}$`)

func (s ciStep) run(ts *testscript.TestScript, path string) {
	if strings.Contains(s.script, "${{") {
		ts.Fatalf("a secret or variable is written into the script, and so onto command lines:\n%s", s.script)
	}
	for name, value := range s.env {
		parts := expression.FindStringSubmatch(value)
		if parts == nil {
			ts.Fatalf("variable %s is %q", name, value)
		}
		ts.Setenv(name, ts.Getenv("STORED_"+parts[1]))
	}
	ts.Check(os.WriteFile(path, []byte(s.script), 0o600))
	ts.Check(ts.Exec("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", path))
	for name := range s.env {
		ts.Setenv(name, "")
	}
}

func gitHubSteps(data []byte) ([]ciStep, error) {
	var workflow struct {
		Jobs map[string]struct {
			Env   map[string]string `yaml:"env"`
			Steps []struct {
				Run string            `yaml:"run"`
				Env map[string]string `yaml:"env"`
			} `yaml:"steps"`
		} `yaml:"jobs"`
	}
	if err := yaml.Unmarshal(data, &workflow); err != nil {
		return nil, err
	}
	var steps []ciStep
	job := workflow.Jobs["sign"]
	for _, step := range job.Steps {
		if step.Run == "" {
			continue // an action, which does nothing that these need
		}
		env := map[string]string{}
		for _, all := range []map[string]string{job.Env, step.Env} {
			for name, value := range all {
				env[name] = value
			}
		}
		steps = append(steps, ciStep{step.Run, env})
	}
	return steps, nil
}

func gitLabSteps(data []byte) ([]ciStep, error) {
	type job struct {
		Before []string `yaml:"before_script"`
		Script []string `yaml:"script"`
	}
	var pipeline struct {
		Stages []string `yaml:"stages"`
		Build  job      `yaml:"build"`
		Sign   job      `yaml:"sign"`
	}
	if err := yaml.Unmarshal(data, &pipeline); err != nil {
		return nil, err
	}
	var steps []ciStep
	for _, j := range []job{pipeline.Build, pipeline.Sign} {
		steps = append(steps, ciStep{script: strings.Join(append(j.Before, j.Script...), "\n") + "\n"})
	}
	return steps, nil
}
