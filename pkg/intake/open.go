// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/adapter"
	"aof.dev/operator/pkg/names"
	"aof.dev/operator/pkg/route"
	"aof.dev/operator/pkg/secretref"
	"aof.dev/operator/pkg/source"
)

// maxText bounds what is logged of an error.
const maxText = 512

// decode reads the table of a Trigger, and refuses that of another.
func decode(object *corev1.ConfigMap, key types.NamespacedName) (*route.Table, error) {
	table, err := route.Decode([]byte(object.Data[names.KeyRoutes]))
	if err != nil {
		return nil, err
	}
	if table.Namespace != key.Namespace || table.Trigger != key.Name {
		return nil, errors.New("route table: it is that of another trigger")
	}
	for i := range table.Bindings {
		b := &table.Bindings[i]
		if t := b.Claim.Trigger; t == nil || t.Name != key.Name || t.Namespace != key.Namespace {
			return nil, fmt.Errorf("route table: binding %d is of another trigger", i)
		}
		if b.Rule.ID != b.Claim.Namespace+"/"+b.Claim.Name {
			return nil, fmt.Errorf("route table: binding %d has the rule of another", i)
		}
	}
	return table, nil
}

// broken is the route of a table that can't be read; requests are refused until
// it is written anew.
func (r *Routes) broken(key types.NamespacedName, object *corev1.ConfigMap, err error) adapter.Route {
	r.options.Log.Warn("route table can't be used", "trigger", key.String(), "error", bounded(err))
	d := &desk{options: &r.options, key: key, table: &route.Table{}}
	return adapter.Route{
		Namespace: key.Namespace, Trigger: key.Name, Err: err, Sink: d, Observer: d, Version: object.ResourceVersion,
	}
}

// open makes what serves a table.
func (r *Routes) open(key types.NamespacedName, table *route.Table, secrets credentials, version string) *found {
	d := &desk{options: &r.options, key: key, table: table}
	out := &found{route: adapter.Route{Namespace: key.Namespace, Trigger: key.Name, Sink: d, Observer: d, Version: version}}
	rules, err := table.Rules()
	if err == nil {
		out.route.Rules = rules
		out.route.Receiver, out.stream, err = r.platform(table, secrets)
	}
	if err != nil {
		out.route.Err = err
		r.options.Log.Warn("trigger can't be served", "trigger", key.String(), "error", bounded(err))
	}
	return out
}

// platform gives the one or the other way in which events of a Trigger come.
func (r *Routes) platform(table *route.Table, secrets credentials) (source.Receiver, source.Stream, error) {
	if table.Disabled != "" {
		return nil, nil, source.Fail(source.Unavailable, bounded(errors.New(table.Disabled)))
	}
	platform, known := r.options.Platforms.Lookup(table.Type)
	if !known || (platform.NewReceiver == nil && platform.NewStream == nil) {
		return nil, nil, source.Fail(source.Unsupported, "triggers of this type take no requests here")
	}
	settings, err := r.settings(table, secrets)
	if err != nil {
		return nil, nil, err
	}
	taker := r.answers(platform, settings)
	if platform.NewStream != nil {
		stream, err := platform.NewStream(settings)
		if stream != nil && taker != nil {
			stream = taker.Stream(stream)
		}
		if stream != nil || err != nil {
			return nil, stream, err
		}
	}
	if platform.NewReceiver == nil {
		return nil, nil, nil
	}
	receiver, err := platform.NewReceiver(settings)
	if err != nil {
		return nil, nil, err
	}
	if taker != nil {
		receiver = taker.Receiver(receiver)
	}
	return receiver, nil, nil
}

// settings are what a platform is made from.
func (r *Routes) settings(table *route.Table, secrets credentials) (source.Settings, error) {
	out := source.Settings{Namespace: table.Namespace, Name: table.Trigger, HTTPClient: r.options.HTTPClient, Clock: r.options.Clock}
	config, err := secretref.Fill(table.Config, secrets.Place)
	if err := errors.Join(secrets.err, err); err != nil {
		return out, fmt.Errorf("config: %w", err)
	}
	out.Config, _ = config.(map[string]any)
	if r.options.BaseURL != nil {
		out.BaseURL = r.options.BaseURL(table.Type)
	}
	for i := range table.Bindings {
		for _, f := range table.Bindings[i].Rule.Filters {
			out.Channels = append(out.Channels, f.Channels...)
			out.Users = append(out.Users, f.Users...)
		}
	}
	return out, nil
}

// bounded is the text of an error, not longer than a line in a log should be.
func bounded(err error) string {
	text := err.Error()
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
