package relay

import (
	"cmp"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limits bound what anybody can make a relay hold, do or wait for. A field that
// is zero stands for its default; sizes are in bytes.
//
// The tags are the one table of the limits: the flag that sets each, its
// default, what it bounds, and, where a call beyond it is refused, the words of
// the refusal, which is an InvalidArgument.
type Limits struct {
	Body    int `name:"limit-body" type:"size" default:"192KiB" help:"A request's body." refused:"request body is too big"`
	Message int `name:"limit-message" type:"size" default:"65535" help:"One message." refused:"msg is too big"`
	Members int `name:"limit-members" default:"255" help:"Members of a session, 2 to 65535." refused:"pubkeys: too few or too many members for a session"`

	QueueBytes   int `name:"limit-queue" type:"size" default:"16MiB" help:"Messages queued for one member of a session." refused:"a recipient has too many messages that it did not fetch"`
	SessionBytes int `name:"limit-session" type:"size" default:"64MiB" help:"Messages queued in a session, one for many recipients counted once." refused:"the session holds too many messages that nobody fetched"`
	TotalBytes   int `name:"limit-total" type:"size" default:"256MiB" help:"All that a store has in memory, its overhead estimated." refused:"the relay is full, try again later"`
	DiskBytes    int `name:"limit-disk" type:"size" default:"1GiB" help:"All that a store on disk, or Redis, holds, its overhead estimated." refused:"the relay is full, try again later"`
	// Who stores what: a part of TotalBytes unless they are set, so that a few cannot fill a relay.
	KeyStored     int `name:"limit-key-stored" type:"size" part:"8" help:"All that one key has stored, its overhead estimated; an eighth of --limit-total unless it is set." refused:"you have too much stored that nobody fetched, try again later"`
	AddressStored int `name:"limit-address-stored" type:"size" part:"4" help:"All that was stored from one address, loopback excepted; a quarter of --limit-total unless it is set." refused:"your address has too much stored that nobody fetched, try again later"`
	PageBytes     int `name:"limit-page" type:"size" default:"256KiB" help:"Messages in one answer, which holds at least one."`

	KeyInFlight     int `name:"limit-key-inflight" type:"size" default:"4MiB" help:"Long answers on their way to one key; the one that was taken least of late is cut off for a further one."`
	AddressInFlight int `name:"limit-address-inflight" type:"size" default:"8MiB" help:"The same to one address, loopback excepted."`
	InFlight        int `name:"limit-inflight" type:"size" default:"12MiB" help:"The same to all; it is a part of --limit-total."`
	Streams         int `name:"limit-streams" default:"64" help:"Calls at once over one connection of HTTP/2."`

	SessionsPerCreator int `name:"limit-created-sessions" default:"32" help:"Open sessions that one key created." refused:"you have too many open sessions, close one first"`
	SessionsPerMember  int `name:"limit-member-sessions" default:"64" help:"Open sessions that one key created, that name one other key and that its owner did not leave." refused:"a member has too many open sessions of yours"`
	SessionsListed     int `name:"limit-list" default:"1000" help:"Sessions in one list; of more, those that the caller created come first, then one of each other creator, and so on."`
	TokensPerKey       int `name:"limit-tokens" default:"20" help:"Tokens of one key; the oldest gives way."`

	CallRate     int `name:"limit-key-rate" default:"500" help:"Calls of one key, per second in the long run." refused:"you make too many calls, slow down"`
	CallBurst    int `name:"limit-key-burst" default:"5000" help:"Calls of one key, at once."`
	AddressRate  int `name:"limit-address-rate" default:"1000" help:"Calls from one address, loopback excepted, per second in the long run." refused:"your address makes too many calls, slow down"`
	AddressBurst int `name:"limit-address-burst" default:"10000" help:"Calls from one address, loopback excepted, at once."`
	LoginRate    int `name:"limit-login-rate" default:"20" help:"Challenges and logins from one address, loopback excepted, per second in the long run." refused:"your address makes too many logins, slow down"`
	LoginBurst   int `name:"limit-login-burst" default:"600" help:"Challenges and logins from one address, loopback excepted, at once."`

	ChallengeLife time.Duration `name:"challenge-life" default:"1m" help:"How long a challenge can be answered."`
	TokenLife     time.Duration `name:"token-life" default:"1h" help:"How long a token serves."`
	SessionIdle   time.Duration `name:"session-idle" default:"24h" help:"Life of a session after its last message went in or out."`
	Grace         time.Duration `name:"grace" default:"1m" help:"How long a closed session delivers what was queued."`
	MaxWait       time.Duration `name:"max-wait" default:"1m" help:"The longest long poll."`

	HeaderTimeout time.Duration `name:"header-timeout" default:"1m" help:"For a request's header, and the TLS handshake."`
	BodyTimeout   time.Duration `name:"body-timeout" default:"15s" help:"For a request's body, after the header."`
	WriteTimeout  time.Duration `name:"write-timeout" default:"1m" help:"For taking the answer."`
	IdleTimeout   time.Duration `name:"idle-timeout" default:"1m" help:"Between two requests of a connection."`

	Conns           int `name:"limit-connections" default:"32768" help:"Open connections."`
	HalfOpen        int `name:"limit-half-open" default:"16384" help:"Open connections without a whole request yet; beyond it the address with the most loses its oldest."`
	ConnsPerAddress int `name:"limit-address-connections" default:"256" help:"Open connections of one address, loopback and trusted proxies excepted."`
}

// Limit describes a field of [Limits].
type Limit struct {
	Flag    string // without dashes; in metrics it names what refused
	Default string // as the flag takes it
	Help    string // what it bounds
	Refused string // in the answer to a call beyond it; empty if none is refused in its name
	Part    int    // of limit-total, if it is that part of it by default; else 0
	kind    string // of a number: "size" if it takes units
}

// LimitTable describes all limits, in the order of the fields of [Limits].
func LimitTable() []Limit {
	var table []Limit
	for field := range reflect.TypeFor[Limits]().Fields() {
		part, _ := strconv.Atoi(field.Tag.Get("part"))
		table = append(table, Limit{
			Flag:    field.Tag.Get("name"),
			Default: cmp.Or(field.Tag.Get("default"), fmt.Sprintf("1/%d of --limit-total", part)),
			Part:    part,
			Help:    field.Tag.Get("help"),
			Refused: field.Tag.Get("refused"),
			kind:    field.Tag.Get("type"),
		})
	}
	return table
}

// DefaultLimits returns the limits of a [Config] that sets none.
func DefaultLimits() Limits { return defaultLimits() }

var defaultLimits = sync.OnceValue(func() (limits Limits) {
	fields := reflect.ValueOf(&limits).Elem()
	for i, limit := range LimitTable() {
		if limit.Part > 0 {
			continue // see scale
		}
		n, err := limit.parseDefault(fields.Field(i).Type())
		if err != nil {
			panic("relay: internal error: default of " + limit.Flag + ": " + err.Error())
		}
		fields.Field(i).SetInt(n)
	}
	limits.scale()
	return limits
})

// smallestPart is what a part of limit-total is at least.
const smallestPart = 1 << 20

// scale sets the limits that are a part of limit-total, unless they are set.
func (l *Limits) scale() {
	fields := reflect.ValueOf(l).Elem()
	for i, limit := range LimitTable() {
		if limit.Part > 0 && fields.Field(i).IsZero() {
			fields.Field(i).SetInt(int64(max(l.TotalBytes/limit.Part, smallestPart)))
		}
	}
}

func (l *Limit) parseDefault(kind reflect.Type) (int64, error) {
	switch {
	case kind == reflect.TypeFor[time.Duration]():
		d, err := time.ParseDuration(l.Default)
		return int64(d), err
	case l.kind == "size":
		n, err := ParseSize(l.Default)
		return int64(n), err
	}
	return strconv.ParseInt(l.Default, 10, 64)
}

// withDefaults fills in the fields that are zero.
func (l Limits) withDefaults() Limits {
	defaults := DefaultLimits()
	fields := reflect.ValueOf(&l).Elem()
	for i := range fields.NumField() {
		if fields.Field(i).IsZero() && LimitTable()[i].Part == 0 {
			fields.Field(i).Set(reflect.ValueOf(defaults).Field(i))
		}
	}
	l.scale()
	return l
}

// Check refuses limits under which nothing works, of which it names the flag.
func (l *Limits) Check() error {
	fields := reflect.ValueOf(l).Elem()
	for i, limit := range LimitTable() {
		if n := fields.Field(i).Int(); n < 0 || n == 0 && limit.Part == 0 {
			return fmt.Errorf("setting the relay's limit %s: %v is not above zero", limit.Flag, fields.Field(i))
		}
	}
	if l.Members < 2 || l.Members > 1<<16-1 {
		return fmt.Errorf("limiting the members of a session to %d: want 2 to %d", l.Members, 1<<16-1)
	}
	return nil
}

// ParseSize reads a number of bytes, such as 65535, 192KiB, 16MiB or 1GiB.
func ParseSize(text string) (int, error) {
	number, unit := text, 0
	for i, suffix := range []string{"KiB", "MiB", "GiB"} {
		if cut, found := strings.CutSuffix(text, suffix); found {
			number, unit = cut, 10*(i+1)
		}
	}
	n, err := strconv.ParseUint(number, 10, 62-unit)
	if err != nil {
		return 0, fmt.Errorf("reading the size %q: want bytes, or a whole number with KiB, MiB or GiB", text)
	}
	return int(n) << unit, nil
}

// limitError returns the refusal of the limit with a flag.
func limitError(flag string) LimitError {
	for _, limit := range LimitTable() {
		if limit.Flag == flag && limit.Refused != "" {
			return LimitError{InvalidArgumentError(limit.Refused), flag}
		}
	}
	panic("relay: internal error: no refusal of " + flag)
}
