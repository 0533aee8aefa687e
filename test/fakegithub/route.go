package fakegithub

import (
	"net/url"
	"sort"
	"strings"
)

// handler answers a call that was let in. It runs under the server's lock.
type handler func(*call) (*answer, error)

// need says who may make a call.
type need struct {
	// who is anyone, signed (any valid token), app (the App's JWT) or basic (handled by the route itself).
	who who
	// permissions are those of an App of which one suffices, such as contents; level is read or write.
	permissions []string
	level       string
	// role is what a user needs in the repository.
	role Role
}

type who int

const (
	anyone who = iota
	signed
	byJWT
	inRepo
)

// reads asks for the right to read a repository, and of an App one of the permissions.
func reads(permissions ...string) need {
	return need{who: inRepo, permissions: permissions, level: "read", role: RoleRead}
}

// writes asks for the right to write to a repository, and of an App one of the permissions.
func writes(permissions ...string) need {
	return need{who: inRepo, permissions: permissions, level: "write", role: RoleWrite}
}

// by changes the role that a user needs.
func (n need) by(role Role) need {
	n.role = role
	return n
}

type route struct {
	method, path string
	need         need
	do           handler
	segments     []string
	literals     int
}

type router struct{ byKey map[string][]*route }

func newRouter(table []route) *router {
	rt := &router{byKey: map[string][]*route{}}
	for i := range table {
		r := &table[i]
		r.segments = strings.Split(strings.TrimPrefix(r.path, "/"), "/")
		for _, seg := range r.segments {
			if !strings.HasPrefix(seg, "{") {
				r.literals++
			}
		}
		key := routeKey(r.method, r.segments)
		rt.byKey[key] = append(rt.byKey[key], r)
	}
	for _, list := range rt.byKey {
		sort.SliceStable(list, func(i, j int) bool { return list[i].literals > list[j].literals })
	}
	return rt
}

// routeKey keeps the lists short that have to be searched: one for each part of a repository.
func routeKey(method string, segments []string) string {
	key := method + " " + segments[0]
	if segments[0] == "repos" && len(segments) > 3 {
		key += "/" + segments[3]
	}
	return key
}

// find returns the route of an escaped path and its parameters, unescaped.
func (rt *router) find(method, path string) (*route, map[string]string) {
	r, params := rt.search(method, strings.TrimPrefix(path, "/"))
	if r == nil && strings.HasSuffix(path, "/") {
		r, params = rt.search(method, strings.Trim(path, "/"))
	}
	return r, params
}

func (rt *router) search(method, path string) (*route, map[string]string) {
	segments := strings.Split(path, "/")
	for i, seg := range segments {
		if s, err := url.PathUnescape(seg); err == nil {
			segments[i] = s
		}
	}
	if len(segments) == 4 && segments[3] == "contents" {
		segments = append(segments, "") // the root folder
	}
	for _, r := range rt.byKey[routeKey(method, segments)] {
		params := map[string]string{}
		if match(r.segments, segments, params) {
			return r, params
		}
	}
	return nil, nil
}

// deep parameters may contain slashes that the caller did not escape.
func deep(name string) bool {
	switch name {
	case "{ref}", "{path}", "{branch}", "{basehead}", "{tag}":
		return true
	}
	return false
}

func match(pattern, path []string, params map[string]string) bool {
	for i, p := range pattern {
		if len(path) <= i {
			return false
		}
		if !strings.HasPrefix(p, "{") {
			if p != path[i] {
				return false
			}
			continue
		}
		if deep(p) {
			rest := pattern[i+1:]
			for end := len(path) - len(rest); end > i; end-- {
				if match(rest, path[end:], params) {
					params[p[1:len(p)-1]] = strings.Join(path[i:end], "/")
					return true
				}
			}
			return false
		}
		if path[i] == "" {
			return false
		}
		params[p[1:len(p)-1]] = path[i]
	}
	return len(pattern) == len(path)
}
