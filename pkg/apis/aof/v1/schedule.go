// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the images hold no time zones, and a zone must mean the same everywhere

	"github.com/netresearch/go-cron"
)

// cronFields are what a schedule is made of: five fields, names of months and days, and @daily and the like.
const cronFields = cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor

// cronEpoch is from where a schedule is asked for its next time. Any moment would
// do; a fixed one makes the answer the same on every machine.
var cronEpoch = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// CheckCron reports what is wrong with a schedule: nil when it has five fields
// (or six with seconds first, or is @hourly, @daily and the like) and names a
// time that comes.
func CheckCron(spec string) error {
	spec = strings.TrimSpace(spec)
	switch {
	case spec == "":
		return errors.New("the schedule is empty")
	case len(spec) > MaxNameBytes:
		return errors.New("the schedule is too long")
	case strings.Contains(strings.ToUpper(spec), "TZ="):
		return errors.New("write the time zone as timezone, beside cron")
	}
	fields := cronFields
	if len(strings.Fields(spec)) == 6 {
		fields |= cron.Second
	}
	parser, err := cron.TryNewParser(fields)
	if err != nil {
		return err
	}
	schedule, err := parser.Parse(spec)
	if err != nil {
		return fmt.Errorf("no schedule: %s", bounded(err.Error(), maxConditionMessage))
	}
	if schedule.Next(cronEpoch).IsZero() {
		return errors.New("this time never comes")
	}
	return nil
}

func checkTimezone(zone string) error {
	if zone == "Local" {
		return errors.New("must be the name of a time zone, like Europe/Berlin")
	}
	if _, err := time.LoadLocation(zone); err != nil {
		return errors.New("is no time zone of the IANA database, like Europe/Berlin")
	}
	return nil
}
