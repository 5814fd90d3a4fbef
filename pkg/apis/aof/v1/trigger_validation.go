// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"maps"
	"slices"
	"strings"

	"knative.dev/pkg/apis"
)

// Validate refuses a trigger from which no event could come. Credentials may be
// missing: the trigger is then not connected, which its status says.
func (t *Trigger) Validate(context.Context) *apis.FieldError {
	return validateName(t.ObjectMeta).Also(t.Spec.validate().ViaField("spec"))
}

func (s *TriggerSpec) validate() *apis.FieldError {
	var errs *apis.FieldError
	if s.Type == "" {
		errs = errs.Also(apis.ErrMissingField("type"))
	} else {
		errs = errs.Also(validateWord(s.Type, triggerTypes, "type"))
	}
	if s.Config == nil {
		return errs.Also(apis.ErrMissingField("config"))
	}
	errs = errs.Also(validateFilters(s.Config), validateCredentials(s.Config))
	switch s.Type {
	case TriggerSchedule:
		errs = errs.Also(s.validateSchedule())
	case TriggerHTTP, TriggerWebhook:
		errs = errs.Also(s.validateHTTP())
	case TriggerSlack, TriggerTelegram, TriggerDiscord, TriggerPagerDuty, TriggerJira, TriggerWhatsApp, TriggerGitHub,
		TriggerGitLab, TriggerBitbucket, TriggerTeams, TriggerOpsgenie, TriggerManual:
	default:
	}
	return errs
}

// filterKeys are the settings that narrow events and hold lists of words.
var filterKeys = []string{"channels", "users", "events", "service_ids", "project_keys", "repositories", "issue_types", "labels", "guild_ids", "status"}

// validateFilters checks the filters of a trigger or of a flow's trigger, in the
// config, with paths from the config's parent.
func validateFilters(config JSONObject) *apis.FieldError {
	var errs *apis.FieldError
	for _, name := range filterKeys {
		if key, value, ok := lookUpConfig(config, name); ok {
			words, err := wordList(value, "config."+key)
			errs = errs.Also(err)
			if err == nil {
				errs = errs.Also(validateWords(words, "config."+key))
			}
		}
	}
	if key, value, ok := lookUpConfig(config, "patterns"); ok {
		patterns, err := wordList(value, "config."+key)
		errs = errs.Also(err)
		if err == nil {
			errs = errs.Also(validatePatterns(patterns, "config."+key))
		}
	}
	return errs
}

// wordList reads a list of scalars, or a single one.
func wordList(value any, path string) ([]string, *apis.FieldError) {
	if value == nil {
		return nil, nil
	}
	items, ok := value.([]any)
	if !ok {
		text, ok := scalarText(value)
		if !ok {
			return nil, unfit(path, "must be a list of texts")
		}
		return []string{text}, nil
	}
	words := make([]string, 0, len(items))
	for i, item := range items {
		text, ok := scalarText(item)
		if !ok {
			return nil, unfit(index(path, i), "must be a text or a number")
		}
		words = append(words, text)
	}
	return words, nil
}

// validateCredentials refuses credentials of a form nobody could use, and warns
// of those that stand in the trigger for everyone to read.
func validateCredentials(config JSONObject) *apis.FieldError {
	var errs *apis.FieldError
	for _, name := range credentialKeys {
		value, ok := config[name]
		if !ok {
			continue
		}
		path := "config." + name
		switch v := value.(type) {
		case nil:
		case string:
			errs = errs.Also(validateSecretTemplate(v, path))
			if v != "" && !isTemplate(v) {
				errs = errs.Also(warn(path, "a credential written here can be read by whoever can read the trigger; "+
					"write ${NAME} and put it into the Secret aof-credentials"))
			}
		case map[string]any:
			ref, _ := v["secretKeyRef"].(map[string]any)
			if ref == nil {
				errs = errs.Also(apis.ErrMissingField(path + ".secretKeyRef"))
				continue
			}
			for _, field := range []string{"name", "key"} {
				if stringAt(ref, field) == "" {
					errs = errs.Also(apis.ErrMissingField(path + ".secretKeyRef." + field))
				}
			}
		default:
			errs = errs.Also(unfit(path, "must be a text or {secretKeyRef: {name, key}}"))
		}
	}
	return errs
}

func (s *TriggerSpec) validateSchedule() *apis.FieldError {
	key, value, ok := s.ConfigValue("cron")
	if !ok {
		return apis.ErrMissingField("config.cron")
	}
	spec, isText := value.(string)
	if !isText {
		return unfit("config."+key, "must be a text with five fields")
	}
	var errs *apis.FieldError
	if err := CheckCron(spec); err != nil {
		errs = errs.Also(invalid(spec, "config."+key, err.Error()))
	}
	if key, value, ok := s.ConfigValue("timezone"); ok {
		zone, isText := value.(string)
		if !isText {
			return errs.Also(unfit("config."+key, "must be the name of a time zone, like Europe/Berlin"))
		}
		if err := checkTimezone(zone); err != nil {
			errs = errs.Also(invalid(zone, "config."+key, err.Error()))
		}
	}
	return errs
}

var httpMethods = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}

func (s *TriggerSpec) validateHTTP() *apis.FieldError {
	var errs *apis.FieldError
	if key, value, ok := s.ConfigValue("path"); ok {
		path, isText := value.(string)
		if !isText || !strings.HasPrefix(path, "/") {
			errs = errs.Also(unfit("config."+key, "must be a text that begins with /"))
		}
	}
	if key, value, ok := s.ConfigValue("method"); ok {
		methods, err := wordList(value, "config."+key)
		errs = errs.Also(err)
		if i := slices.IndexFunc(methods, func(m string) bool { return !slices.Contains(httpMethods, strings.ToUpper(m)) }); i >= 0 {
			errs = errs.Also(invalid(methods[i], "config."+key, "want one of "+strings.Join(httpMethods, ", ")))
		}
	}
	if key, value, ok := s.ConfigValue("port"); ok {
		port, isNumber := value.(int64)
		if !isNumber || port < 1 || port > 65535 {
			errs = errs.Also(unfit("config."+key, "must be a number from 1 to 65535"))
		}
	}
	if key, value, ok := s.ConfigValue("headers"); ok {
		errs = errs.Also(validateHeaders(value, "config."+key))
	}
	return errs
}

func validateHeaders(value any, path string) *apis.FieldError {
	switch headers := value.(type) {
	case []any: // names only: any value will do
		names, err := wordList(headers, path)
		return err.Also(validateWords(names, path))
	case map[string]any:
		names := slices.Sorted(maps.Keys(headers))
		return eachOf(len(names), MaxListItems, path, func(i int) *apis.FieldError {
			if _, ok := headers[names[i]].(string); !ok || names[i] == "" {
				return unfit(path+"."+bounded(names[i], maxQuoted), `must be a text, "*" for any`)
			}
			return nil
		})
	default:
		return unfit(path, "must be a map from a header to its value")
	}
}
