package frost_test

import (
	"bytes"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The rule: what takes variable time has a name that begins with VarTime, and no
// secret goes into it. Secrets are the scalars and polynomials in the fields of types that
// embed secret.Guard, what draws them, and in a function everything that is
// computed from them but multiples of the generator and outcomes of comparisons.

// drawn are the functions whose results are secret.
var drawn = []string{"RandomScalar", "RandomPolynomial", "generateNonce", "drawNonces", "Evaluate", "H3"}

// public are the functions whose results are public, whatever goes in.
var public = []string{"BaseMult", "BaseMultEach", "Commit", "Equal", "IsZero", "len"}

func isVarTime(name string) bool {
	return strings.HasPrefix(name, "VarTime") || strings.HasPrefix(name, "varTime")
}

// checked is a package as its source and its types.
type checked struct {
	files []*ast.File
	info  *types.Info
	fset  *token.FileSet
}

// checkTypes type-checks the product's packages under frost, without tests.
func checkTypes(t *testing.T) map[string]*checked {
	t.Helper()
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Dir}}\t{{.Export}}\t{{join .GoFiles \",\"}}", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := make(map[string]string)
	packages := make(map[string]*checked)
	sources := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		exports[fields[0]] = fields[2]
		if strings.HasPrefix(fields[0], "frostkit/frost") {
			for name := range strings.SplitSeq(fields[3], ",") {
				sources[fields[0]] = append(sources[fields[0]], filepath.Join(fields[1], name))
			}
		}
	}
	for path, names := range sources {
		c := &checked{fset: token.NewFileSet(), info: &types.Info{
			Uses: make(map[*ast.Ident]types.Object), Defs: make(map[*ast.Ident]types.Object),
			Selections: make(map[*ast.SelectorExpr]*types.Selection),
		}}
		for _, name := range names {
			file, err := parser.ParseFile(c.fset, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			c.files = append(c.files, file)
		}
		read := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
		config := types.Config{Importer: importer.ForCompiler(c.fset, "gc", read)}
		if _, err := config.Check(path, c.fset, c.files, c.info); err != nil {
			t.Fatal(err)
		}
		packages[path] = c
	}
	return packages
}

func TestNoSecretGoesIntoVariableTime(t *testing.T) {
	calls := 0
	for _, c := range checkTypes(t) {
		for _, file := range c.files {
			for _, declaration := range file.Decls {
				if f, ok := declaration.(*ast.FuncDecl); ok && f.Body != nil {
					calls += c.checkFunction(t, f)
				}
			}
		}
	}
	if calls < 20 {
		t.Errorf("%d calls of variable-time functions are found", calls)
	}
}

// The rule finds what it is for.
func TestSecretsInVariableTimeAreFound(t *testing.T) {
	const source = `package p
		type Guard struct{}
		type Scalar interface { Add(x, y Scalar) Scalar; Set(x Scalar) Scalar }
		type key struct { Guard; share Scalar; n int; list []Scalar }
		func VarTimeUse(s ...Scalar) {}
		func BaseMult(s Scalar) Scalar { return s }
		func RandomScalar() Scalar { return nil }
		func bad1(k *key) { VarTimeUse(k.share) }
		func bad2(k *key, a Scalar) { b := k.share; a.Add(b, a); VarTimeUse(a) }
		func bad3() { s := RandomScalar(); VarTimeUse([]Scalar{s}...) }
		func bad4(k *key) { for _, s := range k.list { VarTimeUse(s) } }
		func good1(k *key, a Scalar) { VarTimeUse(a, BaseMult(k.share)); if k.n > 0 { VarTimeUse(a) } }
		func good2(k *key, a Scalar) { b := BaseMult(k.share); VarTimeUse(b, a) }`
	c := &checked{fset: token.NewFileSet(), info: &types.Info{
		Uses: make(map[*ast.Ident]types.Object), Defs: make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection),
	}}
	file := must(parser.ParseFile(c.fset, "p.go", source, 0))(t)
	must(new(types.Config).Check("p", c.fset, []*ast.File{file}, c.info))(t)
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok && f.Name.Name != "VarTimeUse" {
			_, found := c.leaks(f)
			if bad := strings.HasPrefix(f.Name.Name, "bad"); (len(found) > 0) != bad {
				t.Errorf("%s: %d leaks", f.Name.Name, len(found))
			}
		}
	}
}

// What is exported by the package that is variable-time as a whole says so.
func TestVariableTimeIsNamed(t *testing.T) {
	for _, file := range checkTypes(t)["frostkit/frost/internal/msm"].files {
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Name.IsExported() && !isVarTime(f.Name.Name) {
				t.Errorf("%s takes variable time and does not say so", f.Name.Name)
			}
		}
	}
}

// Nothing in the product computes with math/big, whose time depends on the values.
func TestNoBigIntegers(t *testing.T) {
	out := must(exec.Command("go", "list", "-f", "{{.ImportPath}} {{.Imports}}", "./...").Output())(t)
	if bytes.Contains(out, []byte("math/big")) {
		t.Errorf("math/big is imported:\n%s", out)
	}
}

func (c *checked) checkFunction(t *testing.T, f *ast.FuncDecl) (calls int) {
	calls, leaks := c.leaks(f)
	for _, at := range leaks {
		t.Errorf("%s: a secret goes into variable time", c.fset.Position(at))
	}
	return calls
}

// leaks counts the calls of variable-time functions, and returns where one gets
// something secret.
func (c *checked) leaks(f *ast.FuncDecl) (calls int, found []token.Pos) {
	secrets := make(map[types.Object]bool)
	for before := -1; before < len(secrets); { // until nothing more is found to be secret
		before = len(secrets)
		ast.Inspect(f.Body, func(n ast.Node) bool {
			c.spread(n, secrets)
			return true
		})
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !isVarTime(callee(call)) {
			return true
		}
		calls++
		for _, argument := range call.Args {
			if c.secret(argument, secrets) {
				found = append(found, argument.Pos())
			}
		}
		return true
	})
	return calls, found
}

// spread marks the variables that a node makes secret: those that are assigned a secret, and
// the receivers of methods that take one, in the manner of math/big.
func (c *checked) spread(n ast.Node, secrets map[types.Object]bool) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for i, right := range n.Rhs {
			if c.secret(right, secrets) {
				for j, left := range n.Lhs {
					if len(n.Lhs) != len(n.Rhs) || i == j {
						c.mark(left, secrets)
					}
				}
			}
		}
	case *ast.RangeStmt:
		if n.Value != nil && c.secret(n.X, secrets) {
			c.mark(n.Value, secrets)
		}
	case *ast.CallExpr:
		method, ok := n.Fun.(*ast.SelectorExpr)
		if ok && c.info.Selections[method] != nil && !slices.Contains(public, callee(n)) &&
			slices.ContainsFunc(n.Args, func(e ast.Expr) bool { return c.secret(e, secrets) }) && isScalar(c.info.Selections[method].Recv()) {
			c.mark(method.X, secrets)
		}
	}
}

// mark marks the variable that an expression stands for, unless it holds no scalars, such as errors.
func (c *checked) mark(e ast.Expr, secrets map[types.Object]bool) {
	if name, ok := e.(*ast.Ident); ok {
		object := c.info.Defs[name]
		if object == nil {
			object = c.info.Uses[name]
		}
		if object != nil && isScalar(object.Type()) {
			secrets[object] = true
		}
	}
}

// secret reports whether a part of an expression is secret, outside of what makes it public.
func (c *checked) secret(e ast.Expr, secrets map[types.Object]bool) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if slices.Contains(public, callee(n)) {
				return false
			}
			found = found || slices.Contains(drawn, callee(n))
		case *ast.Ident:
			found = found || secrets[c.info.Uses[n]]
		case *ast.SelectorExpr:
			selection := c.info.Selections[n]
			found = found || selection != nil && selection.Kind() == types.FieldVal && isGuarded(selection.Recv()) && isScalar(selection.Type())
		}
		return !found
	})
	return found
}

func callee(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// isGuarded reports whether a type embeds the guard of secrets.
func isGuarded(t types.Type) bool {
	if pointer, ok := t.(*types.Pointer); ok {
		t = pointer.Elem()
	}
	fields, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for field := range fields.Fields() {
		if named, ok := types.Unalias(field.Type()).(*types.Named); ok && field.Embedded() && named.Obj().Name() == "Guard" {
			return true
		}
	}
	return false
}

// isScalar reports whether a type is a scalar or a list of scalars.
func isScalar(t types.Type) bool {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		return t.Obj().Name() == "Scalar" || t.Obj().Name() == "Polynomial"
	case *types.Slice:
		return isScalar(t.Elem())
	case *types.Pointer:
		return isScalar(t.Elem())
	}
	return false
}
