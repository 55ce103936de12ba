package ceremony

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParse checks that Parse never panics, that what it refuses it explains,
// and that what it accepts has every property that the rest relies on.
func FuzzParse(f *testing.F) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "problems.txtar"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range archive.Files {
		f.Add(file.Data)
	}
	for _, path := range examples(f) {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("fuzz.yaml", data, Environment(exampleVariables))
		if err != nil {
			checkProblems(t, err)
			return
		}
		checkFile(t, file)
		checkSchema(t, data)
		checkPlans(t, file)
	})
}

func checkProblems(t *testing.T, err error) {
	t.Helper()
	var problems Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("error %v is not a list of problems", err)
	}
	for i, p := range problems {
		if p.File != "fuzz.yaml" || p.Line < 1 || p.Column < 1 || p.Message == "" || p.Hint == "" {
			t.Errorf("problem %+v is incomplete", p)
		}
		if i > 0 && p.compare(problems[i-1].Position) < 0 {
			t.Errorf("problem %v is out of order", p)
		}
		if strings.ContainsFunc(p.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("problem %q does not print", p.Error())
		}
	}
}

func checkFile(t *testing.T, f *File) {
	t.Helper()
	n := len(f.Members)
	if f.Version != Version || !ceremonyName.MatchString(f.Name) || suiteID(f.Ciphersuite) == "" ||
		n < MinThreshold || n > MaxMembers || f.Threshold < MinThreshold || f.Threshold > n || len(f.Groups) == 0 ||
		len(f.order) != len(f.Groups)+len(f.Sign) {
		t.Errorf("%+v is not a ceremony", f)
	}
	if fault, _ := serverFault(f.Server.URL); f.Server.URL != "" && fault != "" || f.Server.URL == "" && f.Server.CA != "" {
		t.Errorf("server %+v is not valid", f.Server)
	}
	taken := map[string]bool{}
	for _, m := range f.Members {
		checkMember(t, m)
		if taken[fold(m.Name)] || taken["config "+fold(filepath.Clean(m.Config))] {
			t.Errorf("member %q takes what another has", m.Name)
		}
		taken[fold(m.Name)], taken["config "+fold(filepath.Clean(m.Config))] = true, true
	}
	for _, g := range f.Groups {
		if g.Description == "" || g.Threshold < MinThreshold || g.Threshold > len(g.Members) || !slices.Equal(g.Members, f.inFileOrder(g.Members)) {
			t.Errorf("group %+v is not valid", g)
		}
	}
	for _, s := range f.Sign {
		checkSigning(t, f, s)
		if taken["config "+fold(filepath.Clean(s.Output))] {
			t.Errorf("output %q overwrites something", s.Output)
		}
		taken["config "+fold(filepath.Clean(s.Output))] = true
	}
}

func checkMember(t *testing.T, m Member) {
	t.Helper()
	if fault, _ := nameFault(m.Name); fault != "" || m.Config == "" || m.Pos.Line < 1 {
		t.Errorf("member %+v is not valid", m)
	}
	if m.Contact != "" && !contactString.MatchString(m.Contact) {
		t.Errorf("member %q has the contact %q", m.Name, m.Contact)
	}
}

func checkSigning(t *testing.T, f *File, s Signing) {
	t.Helper()
	g, found := f.Group(s.Group)
	if s.Message == "" || s.Output == "" || len(s.Signers) < g.Threshold || len(s.Signers) != len(s.SignerPos) || !found ||
		s.Need != 0 && (s.Need < g.Threshold || s.Need > len(s.Signers) || s.ShareWait <= 0) {
		t.Errorf("signing %+v is incomplete", s)
	}
	for i, name := range s.Signers {
		if !slices.Contains(g.Members, name) || slices.Contains(s.Signers[:i], name) {
			t.Errorf("signing %+v has the signer %q", s, name)
		}
	}
}

func checkPlans(t *testing.T, f *File) {
	t.Helper()
	if len(f.LocalMembers()) > 0 {
		checkPlan(t, f, PlanOptions{})
	}
	checkPlan(t, f, PlanOptions{As: f.Groups[0].Members[0]})
	checkPlan(t, f, PlanOptions{As: f.Groups[len(f.Groups)-1].Creator()})
}

func checkPlan(t *testing.T, f *File, options PlanOptions) {
	t.Helper()
	plan, err := f.Plan(State{}, options)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Done() || len(plan.Steps) < 4 {
		t.Errorf("plan for %v has nothing to do", plan.Here)
	}
	if text := plan.Text(); strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		t.Errorf("plan %q does not print", text)
	}
}
