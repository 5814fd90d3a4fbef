// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"knative.dev/pkg/apis"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/match"
)

// maxQuoted bounds how much of what a user wrote a message repeats.
const maxQuoted = 80

// invalid refuses a value, with what would be right. It repeats the value, so it
// must not be used for what may be a secret.
func invalid(value any, path, details string) *apis.FieldError {
	return &apis.FieldError{
		Message: "invalid value: " + bounded(fmt.Sprint(value), maxQuoted),
		Paths:   []string{path},
		Details: details,
	}
}

// unfit refuses a value without repeating it.
func unfit(path, message string) *apis.FieldError {
	return &apis.FieldError{Message: message, Paths: []string{path}}
}

// warn lets the object through, and has the user told.
func warn(path, message string) *apis.FieldError {
	return unfit(path, message).At(apis.WarningLevel)
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// validateName refuses an object that nothing could refer to.
func validateName(meta metav1.ObjectMeta) *apis.FieldError {
	if meta.Name == "" {
		if meta.GenerateName != "" {
			return nil
		}
		return apis.ErrMissingField("metadata.name")
	}
	if problems := validation.IsDNS1123Subdomain(meta.Name); len(problems) > 0 {
		return invalid(meta.Name, "metadata.name", problems[0])
	}
	return nil
}

// validate refuses a reference that names nothing, or two things.
func (r ObjectReference) validate(path string) *apis.FieldError {
	if r.IsZero() {
		return apis.ErrMissingField(path + ".name")
	}
	var errs *apis.FieldError
	if r.Ref != "" {
		errs = errs.Also(&apis.FieldError{
			Message: "ref names another object than name and namespace do",
			Paths:   []string{path + ".ref"},
		})
	}
	if r.Name == "" {
		errs = errs.Also(apis.ErrMissingField(path + ".name"))
	} else if problems := validation.IsDNS1123Subdomain(r.Name); len(problems) > 0 {
		errs = errs.Also(invalid(r.Name, path+".name", problems[0]))
	}
	if r.Namespace != "" {
		if problems := validation.IsDNS1123Label(r.Namespace); len(problems) > 0 {
			errs = errs.Also(invalid(r.Namespace, path+".namespace", problems[0]))
		}
	}
	return errs
}

// maxFindings bounds how many items of one list are reported as wrong: a
// FieldError costs the square of what it holds, and nobody reads thousands.
const maxFindings = 50

// eachOf checks the first most items of a list of n, until too many are wrong.
func eachOf(n, most int, path string, check func(i int) *apis.FieldError) *apis.FieldError {
	var wrong []*apis.FieldError
	if n > most {
		wrong = append(wrong, unfit(path, fmt.Sprintf("has %d items, at most %d are allowed", n, most)))
	}
	for i := range min(n, most) {
		err := check(i)
		if err == nil {
			continue
		}
		if len(wrong) == maxFindings {
			wrong = append(wrong, unfit(path, "has more that is wrong; mend these first"))
			break
		}
		wrong = append(wrong, err)
	}
	var errs *apis.FieldError
	return errs.Also(wrong...)
}

// validatePatterns refuses what the matcher would refuse.
func validatePatterns(patterns []string, path string) *apis.FieldError {
	return eachOf(len(patterns), MaxListItems, path, func(i int) *apis.FieldError {
		if err := match.CheckPattern(patterns[i]); err != nil {
			return invalid(patterns[i], index(path, i), err.Error())
		}
		return nil
	})
}

// validateWords refuses empty and endless entries of a list.
func validateWords(words []string, path string) *apis.FieldError {
	return eachOf(len(words), MaxListItems, path, func(i int) *apis.FieldError {
		switch {
		case strings.TrimSpace(words[i]) == "":
			return unfit(index(path, i), "must not be empty")
		case len(words[i]) > MaxNameBytes:
			return unfit(index(path, i), fmt.Sprintf("is %d bytes long, at most %d are allowed", len(words[i]), MaxNameBytes))
		default:
			return nil
		}
	})
}

func validateText(text, path string) *apis.FieldError {
	if len(text) > MaxTextBytes {
		return unfit(path, fmt.Sprintf("is %d bytes long, at most %d are allowed", len(text), MaxTextBytes))
	}
	return nil
}

// validateTemplate refuses a text whose `${…}` do not parse.
func validateTemplate(text, path string) *apis.FieldError {
	if errs := validateText(text, path); errs != nil {
		return errs
	}
	if _, err := expr.ParseTemplate(text); err != nil {
		return unfit(path, bounded(err.Error(), maxConditionMessage))
	}
	return nil
}

// validateSecretTemplate is validateTemplate for a text that must not be repeated.
func validateSecretTemplate(text, path string) *apis.FieldError {
	if errs := validateText(text, path); errs != nil {
		return errs
	}
	_, err := expr.ParseTemplate(text)
	var syntax *expr.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return unfit(path, fmt.Sprintf("the ${…} at offset %d does not parse", syntax.Offset))
	case err != nil:
		return unfit(path, "a ${…} in it does not parse")
	default:
		return nil
	}
}

// isTemplate reports whether a text is only known when it is used.
func isTemplate(text string) bool { return strings.Contains(text, "${") }

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// validateEnv refuses names that no shell can hold and values that do not parse.
// Values may be secrets: they are never repeated.
func validateEnv(env map[string]string, path string) *apis.FieldError {
	names := slices.Sorted(maps.Keys(env))
	return eachOf(len(names), MaxListItems, path, func(i int) *apis.FieldError {
		at := path + "." + bounded(names[i], maxQuoted)
		if !envName.MatchString(names[i]) {
			return &apis.FieldError{
				Message: "invalid name of a variable", Paths: []string{at}, Details: "use letters, digits and _, not beginning with a digit",
			}
		}
		return validateSecretTemplate(env[names[i]], at)
	})
}

// validatePositive refuses a number below 1.
func validatePositive(value *int64, path string) *apis.FieldError {
	if value == nil || *value >= 1 {
		return nil
	}
	return invalid(*value, path, "must be 1 or more")
}

// validateWord refuses a word that is none of the known ones.
func validateWord[T ~string](word T, known []T, path string) *apis.FieldError {
	if word == "" || slices.Contains(known, word) {
		return nil
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return invalid(word, path, "want one of "+strings.Join(names, ", "))
}
