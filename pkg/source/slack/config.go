// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"maps"
	"slices"
	"strings"

	"aof.dev/operator/pkg/source"
)

// config is spec.config of a Slack Trigger, as far as this package needs it.
type config struct {
	signingSecret string
	botToken      string
	// appToken opens the connection of Socket Mode, where there is no signingSecret.
	appToken string
	// botUserID is the bot's own user, whose reactions are ignored.
	botUserID string
	// channels are the channels the Trigger's own filter names.
	channels []string
	// workspaces are the ids of the teams that may send; empty is any.
	workspaces []string
	warnings   []string
}

// elsewhere are the keys that others read or that mean nothing here.
var elsewhere = []string{
	"users", "allowed_users", "patterns", "events", "app_id", "bot_name", "path", "port", "host",
	"approval_allowed_users", "approval_allowed_roles",
}

func parseConfig(given map[string]any) (config, error) {
	var c config
	known := map[string]func(any) bool{
		"signing_secret":     text(&c.signingSecret),
		"bot_token":          text(&c.botToken),
		"bot_user_id":        text(&c.botUserID),
		"channels":           texts(&c.channels),
		"allowed_channels":   texts(&c.channels),
		"allowed_workspaces": texts(&c.workspaces),
		"app_token":          text(&c.appToken),
		"rate_limit": func(any) bool {
			c.warnings = append(c.warnings, "rate_limit has no effect on a Trigger: set the limits of a Context")
			return true
		},
	}
	for _, key := range elsewhere {
		known[key] = func(any) bool { return true }
	}
	flat := make(map[string]func(any) bool, len(known))
	for key, read := range known {
		flat[flatten(key)] = read
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		shown := shorten(key, 64)
		read, ok := flat[flatten(key)]
		switch {
		case !ok:
			c.warnings = append(c.warnings, "unknown key "+shown)
		case given[key] != nil && !read(given[key]):
			return config{}, source.Fail(source.Malformed, "slack: config."+shown+" has the wrong type")
		}
	}
	if c.appToken != "" && c.signingSecret != "" {
		c.warnings = append(c.warnings, "app_token has no effect beside signing_secret: Slack calls us")
	}
	return c, nil
}

// flatten makes signing_secret and signingSecret one.
func flatten(key string) string {
	return strings.ToLower(strings.ReplaceAll(key, "_", ""))
}

// text reads a string. Secrets kept in files mostly end in a line break.
func text(into *string) func(any) bool {
	return func(v any) bool {
		s, ok := v.(string)
		*into = strings.TrimSpace(s)
		return ok
	}
}

// texts reads a list of strings, or one.
func texts(into *[]string) func(any) bool {
	return func(v any) bool {
		switch v := v.(type) {
		case string:
			*into = append(*into, v)
		case []string:
			*into = append(*into, v...)
		case []any:
			for _, e := range v {
				s, ok := e.(string)
				if !ok {
					return false
				}
				*into = append(*into, s)
			}
		default:
			return false
		}
		return true
	}
}

// shorten bounds what is shown of a name somebody else chose.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
