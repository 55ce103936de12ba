package keyring

import "testing"

func TestIgnored(t *testing.T) {
	for _, c := range []struct{ before, name, after string }{
		{"", "a.toml", "/a.toml\n/a.toml.*\n/.a.toml.*\n"},
		{"*.o", "a.toml", "*.o\n/a.toml\n/a.toml.*\n/.a.toml.*\n"},
		{"/a.toml.*\r\n", "a.toml", "/a.toml.*\r\n/a.toml\n/.a.toml.*\n"},
		{"", "a[1] *.toml", "/a\\[1]\\ \\*.toml\n/a\\[1]\\ \\*.toml.*\n/.a\\[1]\\ \\*.toml.*\n"},
		{"x\n", "a\nb", "x\n"},
	} {
		got := withLines(c.before, ignored(c.name))
		if got != c.after {
			t.Errorf("%q with %q is %q, want %q", c.before, c.name, got, c.after)
		}
		if again := withLines(got, ignored(c.name)); again != got {
			t.Errorf("added twice: %q", again)
		}
	}
}
