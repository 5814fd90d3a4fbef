// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package manifest reads AOF objects from files the way a careful API server
// would: strictly, and able to say for everything it refuses in which file, on
// which line and in which field it stands.
//
// It promises that nothing is dropped silently. A key no kind knows, a key
// written twice, a value of the wrong type, two objects of one name: each is a
// [Problem]. Documents that are not AOF objects are reported as skipped.
// Whatever the input, reading is bounded in time and memory and never panics.
//
// The importer, the local composition and the command line build on it. It
// imports the API types and a YAML parser, nothing else of this module.
package manifest
