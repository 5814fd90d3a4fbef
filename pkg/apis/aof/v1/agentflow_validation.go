// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"

	"knative.dev/pkg/apis"

	"aof.dev/operator/pkg/flow"
)

// Validate refuses a flow that does not compile: what is admitted here runs
// (ADR 0002). The flow must have its defaults set.
func (f *AgentFlow) Validate(context.Context) *apis.FieldError {
	errs := f.Spec.validate().ViaField("spec")
	if len(f.Spec.Nodes) > 0 && policiesAreValid(errs) {
		errs = errs.Also(f.compile())
	}
	return validateName(f.ObjectMeta).Also(errs)
}

func (s *AgentFlowSpec) validate() *apis.FieldError {
	errs := s.Trigger.validate().ViaField("trigger")
	if s.Trigger.IsZero() {
		errs = errs.Also(apis.ErrMissingField("trigger"))
	}
	if len(s.Nodes) == 0 {
		errs = errs.Also(apis.ErrMissingField("nodes"))
	}
	if s.Connections == nil {
		errs = errs.Also(apis.ErrMissingField("connections"))
	}
	errs = errs.Also(validateText(s.Description, "description"), s.Context.validate().ViaField("context"))
	if c := s.Config; c != nil {
		errs = errs.Also(
			validateSeconds(c.DefaultTimeoutSeconds, "config.default_timeout_seconds"),
			c.Retry.validate().ViaField("config", "retry"),
			notBoth(c.DefaultTimeoutSecondsCamel != nil, "config.default_timeout_seconds", "config.defaultTimeoutSeconds"),
			notBoth(c.ErrorHandlerCamel != "", "config.error_handler", "config.errorHandler"),
		)
	}
	nodes := eachOf(min(len(s.Nodes), flow.MaxNodes), flow.MaxNodes, "nodes", func(i int) *apis.FieldError {
		return s.Nodes[i].validate().ViaFieldIndex("nodes", i)
	})
	connections := eachOf(min(len(s.Connections), flow.MaxEdges), flow.MaxEdges, "connections", func(i int) *apis.FieldError {
		return notBoth(s.Connections[i].Condition != "", "when", "condition").ViaFieldIndex("connections", i)
	})
	return errs.Also(nodes, connections)
}

func (t *FlowTrigger) validate() *apis.FieldError {
	errs := validatePatterns(t.Patterns, "patterns").Also(validateFilters(t.Config), validateCredentials(t.Config))
	if t.Type != "" && !slices.Contains(triggerTypes, TriggerType(t.Type)) {
		errs = errs.Also(warn("type", "is no type of trigger, so no trigger will be made for this flow"))
	}
	return errs
}

func (c *FlowContext) validate() *apis.FieldError {
	if c == nil {
		return nil
	}
	errs := validateTemplate(c.Kubeconfig, "kubeconfig")
	errs = errs.Also(
		validateTemplate(c.Namespace, "namespace"),
		validateTemplate(c.Cluster, "cluster"),
		validateTemplate(c.WorkingDir, "working_dir"),
		validateEnv(c.Env, "env"),
	)
	if c.Ref != nil {
		errs = errs.Also(c.Ref.validate("ref"))
	}
	extra := slices.Sorted(maps.Keys(c.Extra))
	return errs.Also(eachOf(len(extra), MaxListItems, "", func(i int) *apis.FieldError {
		return warn(bounded(extra[i], maxQuoted), "is kept, and means nothing to a flow")
	}))
}

func (n *FlowNode) validate() *apis.FieldError {
	errs := notBoth(n.Condition != "", "when", "condition")
	errs = errs.Also(
		notBoth(len(n.DependsOnCamel) > 0, "depends_on", "dependsOn"),
		notBoth(n.TimeoutSecondsCamel != nil, "timeout_seconds", "timeoutSeconds"),
		validateSeconds(n.TimeoutSeconds, "timeout_seconds"),
		n.Retry.validate().ViaField("retry"),
	)
	errs = errs.Also(eachOf(len(n.Conditions), MaxListItems, "conditions", func(i int) *apis.FieldError {
		return notBoth(n.Conditions[i].Condition != "", "when", "condition").ViaFieldIndex("conditions", i)
	}))
	if inline, ok := inlineAgent(n); ok {
		spec, err := DecodeAgentSpec(inline)
		if err != nil {
			return errs.Also(unfit("config.inline", bounded(err.Error(), maxConditionMessage)))
		}
		errs = errs.Also(spec.validate().ViaField("config", "inline"))
	}
	return errs
}

// inlineAgent is the agent that an Agent node describes in place.
func inlineAgent(n *FlowNode) (JSONObject, bool) {
	if n.Type != string(flow.KindAgent) {
		return nil, false
	}
	switch inline := n.Config["inline"].(type) {
	case map[string]any:
		return inline, true
	case JSONObject:
		return inline, true
	default:
		return nil, false
	}
}

func (r *FlowRetry) validate() *apis.FieldError {
	if r == nil {
		return nil
	}
	errs := validatePositive(r.MaxAttempts, "max_attempts")
	if r.MaxAttempts != nil && *r.MaxAttempts > flow.MaxAttempts {
		errs = errs.Also(apis.ErrOutOfBoundsValue(*r.MaxAttempts, 1, flow.MaxAttempts, "max_attempts"))
	}
	if r.InitialDelay != "" {
		if _, err := flow.ParseDuration(r.InitialDelay); err != nil {
			errs = errs.Also(invalid(r.InitialDelay, "initial_delay", err.Error()))
		}
	}
	if b := r.BackoffMultiplier; b != nil && !(*b >= 1 && *b <= maxBackoffMultiplier) {
		errs = errs.Also(apis.ErrOutOfBoundsValue(*b, 1, maxBackoffMultiplier, "backoff_multiplier"))
	}
	return errs.Also(
		notBoth(r.MaxAttemptsCamel != nil, "max_attempts", "maxAttempts"),
		notBoth(r.InitialDelayCamel != "", "initial_delay", "initialDelay"),
		notBoth(r.BackoffMultiplierCamel != nil, "backoff_multiplier", "backoffMultiplier"),
	)
}

const (
	maxBackoffMultiplier = 1000
	maxTimeoutSeconds    = 365 * 24 * 60 * 60
)

func validateSeconds(seconds *float64, path string) *apis.FieldError {
	if seconds == nil {
		return nil
	}
	if s := *seconds; math.IsNaN(s) || s <= 0 || s > maxTimeoutSeconds {
		return invalid(s, path, "must be a number of seconds above 0, and at most a year")
	}
	return nil
}

// policiesAreValid says whether Definition will be able to read the policies.
func policiesAreValid(errs *apis.FieldError) bool {
	for _, err := range errs.Filter(apis.ErrorLevel).WrappedErrors() {
		for _, path := range err.Paths {
			if strings.Contains(path, ".retry.") || strings.HasSuffix(path, "timeout_seconds") {
				return false
			}
		}
	}
	return true
}

// compile lets pkg/flow find what is wrong with the graph, the configurations
// and the expressions, and says where that stands in the object.
func (f *AgentFlow) compile() *apis.FieldError {
	definition, err := f.Definition()
	if err != nil {
		return unfit("spec", bounded(err.Error(), maxConditionMessage))
	}
	plan, err := flow.Compile(definition)
	var found flow.Errors
	switch {
	case errors.As(err, &found):
	case err != nil:
		return unfit("spec", bounded(err.Error(), maxConditionMessage))
	default:
		return fieldErrors(plan.Warnings()).At(apis.WarningLevel)
	}
	return fieldErrors(found)
}

func fieldErrors(found []flow.Error) *apis.FieldError {
	wrapped := make([]*apis.FieldError, 0, len(found))
	for _, e := range found {
		path := "spec"
		if e.Path != "" {
			path += "." + e.Path
		}
		wrapped = append(wrapped, unfit(path, bounded(e.Message, maxConditionMessage)))
	}
	var errs *apis.FieldError
	return errs.Also(wrapped...)
}
