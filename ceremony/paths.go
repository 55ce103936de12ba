package ceremony

import "fmt"

// Path is a path that a ceremony file names, or that stands for one that it does not name.
type Path struct {
	Field   string   // what it is, such as `config of member "Alice"`
	Value   string   // relative to the file's folder or, where Work is set, to that of credentials and outputs
	Pos     Position // of one's own paths, which are absolute, with Own set
	Members []string // whose runs use it; nil: everybody's
	Written bool     // it is made or changed, with files beside it, and else read
	Work    bool
}

// Paths lists every path of the file: whoever opens one asks [Path] what may be done with it.
func (f *File) Paths() []Path {
	var all []Path
	if f.Server.CA != "" {
		all = append(all, f.CAPath())
	}
	for _, m := range f.Members {
		all = append(all, m.ConfigPath())
	}
	for _, s := range f.Sign {
		all = append(all, s.MessagePath(), s.OutputPath())
	}
	return all
}

// CAPath is where the authority is that the file trusts.
func (f *File) CAPath() Path {
	return Path{Field: "ca of server", Value: f.Server.CA, Pos: f.Server.CAPos}
}

// ConfigPath is where a member's credentials are.
func (m Member) ConfigPath() Path {
	return Path{Field: "config of member " + quote(m.Name), Value: m.Config, Pos: m.ConfigPos, Members: []string{m.Name}, Written: true, Work: true}
}

// MessagePath is where a message is.
func (s Signing) MessagePath() Path {
	return Path{Field: fmt.Sprintf("message of signing %d", s.Number), Value: s.Message, Pos: s.MessagePos, Members: s.Signers}
}

// OutputPath is where a signature goes.
func (s Signing) OutputPath() Path {
	return Path{Field: fmt.Sprintf("output of signing %d", s.Number), Value: s.Output, Pos: s.OutputPos, Members: s.Signers, Written: true, Work: true}
}
