package redisstore

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
)

// parseURL reads the address of a Redis. Its errors have no password.
func parseURL(text string) (*redis.Options, error) {
	u, err := url.Parse(text)
	if err != nil {
		var detail *url.Error
		if errors.As(err, &detail) {
			err = detail.Err // without the URL
		}
		return nil, fmt.Errorf("reading the URL of Redis: %w; want redis://HOST:PORT/DB", err)
	}
	query := u.Query()
	file := query.Get("password-file")
	query.Del("password-file")
	u.RawQuery = query.Encode()
	options, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, fmt.Errorf("reading the URL of Redis, %q: %w; want redis://HOST:PORT/DB", u.Redacted(), err)
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
