package redisstore

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
)

// errPassword is the cause where a URL does not end where its owner thinks, as it does at a # in a password.
var errPassword = errors.New("it is not redis://[USER:PASSWORD@]HOST:PORT/DB; in a password #, /, ?, @, : and % have to be " +
	"percent-encoded (# is %23), or put the password into a file: redis://HOST:PORT/DB?password-file=FILE")

// parseURL reads the address of a Redis. Its errors have no part of the URL that
// may be a password.
func parseURL(text string) (*redis.Options, error) {
	u, err := url.Parse(text)
	if err != nil || strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") || u.Fragment != "" || u.Host == "" && u.Path == "" {
		return nil, fmt.Errorf("reading the URL of Redis: %w", errPassword)
	}
	query := u.Query()
	file := query.Get("password-file")
	query.Del("password-file")
	u.RawQuery = query.Encode()
	options, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, fmt.Errorf("reading the URL of Redis, %s: %w; want redis://HOST:PORT/DB", Shown(text), err)
	}
	if file != "" {
		password, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the password of Redis: %w", err)
		}
		options.Password = strings.TrimRight(string(password), "\r\n")
	}
	settings(options)
	return options, nil
}

// Shown returns the URL of a Redis for people: without user and password, and
// without what follows the database.
func Shown(text string) string {
	u, err := url.Parse(text)
	if err != nil || strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		return "the given URL"
	}
	return fmt.Sprintf("%q", (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

// explained adds to an error of the first connection what it tends to mean.
func explained(options *redis.Options, err error) error {
	var record tls.RecordHeaderError
	var network net.Error
	switch {
	case options.TLSConfig != nil && errors.As(err, &network) && network.Timeout(): // Redis waits for the end of a line
		return fmt.Errorf("no TLS handshake came about; does it speak TLS? otherwise take redis:// in place of rediss:// (%w)", err)
	case errors.As(err, &record):
		return fmt.Errorf("no TLS is spoken there: take redis:// in place of rediss:// (%w)", err)
	case options.TLSConfig == nil && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "\x15\x03")):
		return fmt.Errorf("it hung up; does it speak TLS? then take rediss:// in place of redis:// (%w)", err)
	case redis.HasErrorPrefix(err, "NOAUTH") || redis.HasErrorPrefix(err, "WRONGPASS"):
		return fmt.Errorf("%w; give the password as redis://:PASSWORD@HOST:PORT/DB, percent-encoded, or in a file: ?password-file=FILE", err)
	}
	return err
}
