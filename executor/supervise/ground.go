package supervise

// ground is where programs are started from. It can be made before it is known which.
type ground struct {
	starter *thread    // starts all programs
	hard    *enclosure // nil: there is none
	// none is why there is none that holds limits which are to hold. The starter sets it: what was asked of that later knows it.
	none error
}

// prepare puts what will be started into a control group where there are limits and this host has groups. The kernel takes its
// time to move a thread; what is started waits for that, and nothing else does.
func prepare(dir string, l Limits) *ground {
	g := &ground{starter: newThread()}
	if l == (Limits{}) {
		return g
	}
	if g.hard, g.none = enclose(l); g.none == nil {
		g.none = g.hard.note(dir)
	}
	if g.none == nil {
		g.starter.begin(func() { g.none = g.hard.enter() })
	}
	return g
}

// leave ends the thread and removes the group, of which no program is left.
func (g *ground) leave() {
	g.starter.end()
	g.hard.close()
}
