package checks

import (
	"sync"
	"time"
)

// marks remembers which actions were stopped. A caller that has restarted calls Stop again before it asks, so this need
// not outlive the process; what is older than a day is forgotten.
type marks struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (m *marks) add(id string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at == nil {
		m.at = map[string]time.Time{}
	}
	for old, at := range m.at {
		if now.Sub(at) > 24*time.Hour {
			delete(m.at, old)
		}
	}
	m.at[id] = now
}

func (m *marks) has(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.at[id]
	return ok
}
