package store

import (
	"context"
	"log/slog"
	"slices"
)

// RiverLog is a log for River that writes to log. River's messages stay as they are; what went wrong is under "err", as on every line of
// ours, and River's own keys are in the group "river", so that none of them is taken for one of ours.
func RiverLog(log *slog.Logger) *slog.Logger { return slog.New(riverHandler{to: log.Handler()}) }

// riverHandler moves the keys of what it hands on.
type riverHandler struct {
	to slog.Handler
	// attrs came by WithAttrs, those of each group that is open by WithGroup after those before it; groups are their names. The first
	// attrs are in no group.
	attrs  [][]slog.Attr
	groups []string
}

// Enabled tells whether the log takes lines of a level.
func (h riverHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.to.Enabled(ctx, level)
}

// Handle hands on a line.
func (h riverHandler) Handle(ctx context.Context, r slog.Record) error {
	var attrs []slog.Attr
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	for i := len(h.groups); i >= 0; i-- {
		if i < len(h.attrs) {
			attrs = slices.Concat(h.attrs[i], attrs)
		}
		if i > 0 {
			attrs = []slog.Attr{{Key: h.groups[i-1], Value: slog.GroupValue(attrs...)}}
		}
	}
	line := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	var rest []slog.Attr
	for _, a := range attrs {
		if a.Key == "err" || a.Key == "error" { // River has both
			line.AddAttrs(slog.Any("err", a.Value))
		} else {
			rest = append(rest, a)
		}
	}
	line.AddAttrs(slog.GroupAttrs("river", rest...))
	return h.to.Handle(ctx, line)
}

// WithAttrs is a handler whose lines have more attributes.
func (h riverHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	all := make([][]slog.Attr, len(h.groups)+1)
	copy(all, h.attrs)
	all[len(h.groups)] = slices.Concat(all[len(h.groups)], attrs)
	h.attrs = all
	return h
}

// WithGroup is a handler whose further attributes are in a group.
func (h riverHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.groups = append(slices.Clone(h.groups), name)
	}
	return h
}
