// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"maps"
	"slices"
	"strings"

	"aof.dev/operator/pkg/match"
)

const (
	// maxAttributes bounds the facts taken from a payload.
	maxAttributes = 512
	// maxAttributeDepth is how deep into a payload conditions can look.
	maxAttributeDepth = 4
	// metadataEventType is the metadata key under which a platform gives the
	// finer form of its type, such as message.im for message.
	metadataEventType = "event_type"
)

// Facts is what filters see. Channels and users stand under every name that is
// theirs alone (not the display name, which anybody can choose). Attributes are
// the metadata, platform and type, and then the payload's scalars, nested ones
// under dotted names up to four levels deep.
func (m Message) Facts() match.Facts {
	f := match.Facts{Text: m.Text, Type: m.Type, Attributes: map[string]string{}}
	if finer, ok := m.Metadata[metadataEventType].(string); ok && strings.HasPrefix(finer, m.Type+".") {
		f.Type = finer
	}
	name := strings.TrimPrefix(m.ChannelName, "#")
	f.Channels = appendName(f.Channels, m.ChannelID)
	f.Channels = appendName(f.Channels, name)
	if name != "" {
		f.Channels = appendName(f.Channels, "#"+name)
	}
	username := strings.TrimPrefix(m.User.Username, "@")
	f.Users = appendName(f.Users, m.User.ID)
	f.Users = appendName(f.Users, username)
	if username != "" {
		f.Users = appendName(f.Users, "@"+username)
	}
	f.Users = appendName(f.Users, m.User.Email)

	flatten(f.Attributes, m.Metadata)
	for k, v := range map[string]string{"platform": m.Platform, "type": m.Type} {
		if _, taken := f.Attributes[k]; !taken && v != "" {
			f.Attributes[k] = v
		}
	}
	flatten(f.Attributes, m.Raw)
	return f
}

func appendName(names []string, name string) []string {
	if name == "" || slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// flatten adds the scalars of a payload where the name is free, level by level
// and sorted, so that the bound always cuts the same and the deepest.
func flatten(into map[string]string, payload map[string]any) {
	type level struct {
		prefix string
		object map[string]any
	}
	levels := []level{{object: payload}}
	for range maxAttributeDepth {
		var deeper []level
		for _, l := range levels {
			for _, key := range slices.Sorted(maps.Keys(l.object)) {
				name, value := l.prefix+key, l.object[key]
				if nested, ok := value.(map[string]any); ok {
					deeper = append(deeper, level{prefix: name + ".", object: nested})
					continue
				}
				text, ok := scalar(value)
				if _, taken := into[name]; !ok || taken {
					continue
				}
				if len(into) >= maxAttributes {
					return
				}
				into[name] = text
			}
		}
		levels = deeper
	}
}
