package fakegithub

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// hookQueue delivers webhooks in the background, one after the other, in the order of the events.
type hookQueue struct {
	s      *Server
	client *http.Client
	cancel context.CancelFunc // ends run and cuts the delivery under way
	ended  chan struct{}      // closed when run has returned

	mu      sync.Mutex
	wake    chan struct{}
	queue   []*parcel
	held    []*parcel
	holding bool
	busy    bool
	idle    []chan struct{} // closed when nothing is left
	faults  []*HookFault
	log     []*Delivery
	nextID  int64
}

// parcel is a delivery with what is needed to send it.
type parcel struct {
	Delivery
	url, secret string
	hookID      int64
}

func newHookQueue(s *Server) *hookQueue {
	ctx, cancel := context.WithCancel(context.Background())
	q := &hookQueue{s: s, cancel: cancel, ended: make(chan struct{}), wake: make(chan struct{}, 1), nextID: 1_000_000,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	go q.run(ctx)
	return q
}

func (q *hookQueue) stop() {
	q.cancel()
	<-q.ended
	q.client.CloseIdleConnections()
}

// add takes a delivery into the queue, as the orders for faults will have it.
func (q *hookQueue) add(p *parcel) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.nextID++
	p.ID = q.nextID
	kind, struck := q.fault(p)
	switch {
	case struck && kind == DropHook:
		return
	case struck && kind == FailHook:
		p.Problem, p.StatusCode, p.DeliveredAt = "failed to connect to host", 0, q.s.opts.Now()
		q.remember(&p.Delivery)
		return
	case struck && kind == LateHook, q.holding:
		q.held = append(q.held, p)
	default:
		q.queue = append(q.queue, p)
	}
	if struck && kind == DuplicateHook {
		twin := *p
		q.nextID++
		twin.ID = q.nextID
		q.queue = append(q.queue, &twin)
	}
	q.poke()
}

func (q *hookQueue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *hookQueue) fault(p *parcel) (HookFaultKind, bool) {
	for _, f := range q.faults {
		if f.Count == 0 || f.Event != "" && f.Event != p.Event || f.Action != "" && f.Action != p.Action || f.Repo != "" && f.Repo != p.Repo || p.Redelivery {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Count > 0 {
			f.Count--
		}
		return f.Kind, true
	}
	return 0, false
}

func (q *hookQueue) run(ctx context.Context) {
	defer close(q.ended)
	for {
		q.mu.Lock()
		var p *parcel
		if len(q.queue) > 0 {
			p, q.queue, q.busy = q.queue[0], q.queue[1:], true
		} else {
			q.busy = false
			for _, c := range q.idle {
				close(c)
			}
			q.idle = nil
		}
		q.mu.Unlock()
		if p != nil {
			q.deliver(ctx, p)
			if ctx.Err() == nil {
				continue
			}
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return
		}
	}
}

// settle waits until the queue is empty. It returns true when it was so from the start.
func (q *hookQueue) settle(ctx context.Context) (bool, error) {
	q.mu.Lock()
	if len(q.queue) == 0 && !q.busy {
		q.mu.Unlock()
		return true, nil
	}
	c := make(chan struct{})
	q.idle = append(q.idle, c)
	q.mu.Unlock()
	select {
	case <-c:
		return false, nil
	case <-ctx.Done():
		return false, fmt.Errorf("waiting for the webhooks to be delivered: %w", ctx.Err())
	case <-q.ended:
		return false, fmt.Errorf("the stand-in GitHub was closed with webhooks to deliver")
	}
}

// Sign is the value of X-Hub-Signature-256 for a body.
func Sign(secret string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write(body)
	return "sha256=" + hex.EncodeToString(m.Sum(nil))
}

// deliver sends one delivery and writes the outcome into the log. It is never tried again by itself.
func (q *hookQueue) deliver(ctx context.Context, p *parcel) {
	d := &p.Delivery
	d.DeliveredAt = q.s.opts.Now()
	start := time.Now()
	d.StatusCode, d.Problem = q.post(ctx, p)
	d.Duration = time.Since(start)
	q.s.opts.Log.Debug("webhook", "delivery", d.GUID, "event", d.Event, "action", d.Action, "status", d.StatusCode, "problem", d.Problem)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.remember(d)
}

// logged is how many deliveries the log keeps at least.
const logged = 10_000

func (q *hookQueue) remember(d *Delivery) {
	if len(q.log) >= 2*logged {
		q.log = append([]*Delivery(nil), q.log[logged:]...)
	}
	q.log = append(q.log, d)
}

func (q *hookQueue) post(ctx context.Context, p *parcel) (status int, problem string) {
	ctx, cancel := context.WithTimeout(ctx, q.s.opts.HookTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(p.Body))
	if err != nil {
		return 0, err.Error()
	}
	for k, v := range p.headers() {
		r.Header.Set(k, v)
	}
	res, err := q.client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // only the status counts
	return res.StatusCode, ""
}

func (p *parcel) headers() map[string]string {
	h := map[string]string{
		"Content-Type": "application/json", "Accept": "*/*", "User-Agent": "GitHub-Hookshot/fake000",
		"X-GitHub-Event": p.Event, "X-GitHub-Delivery": p.GUID, "X-GitHub-Hook-ID": strconv.FormatInt(p.hookID, 10),
		"X-GitHub-Hook-Installation-Target-ID": strconv.FormatInt(p.AppID, 10), "X-GitHub-Hook-Installation-Target-Type": "integration",
	}
	if p.secret != "" {
		h["X-Hub-Signature-256"] = Sign(p.secret, p.Body)
	}
	return h
}

// guid makes up the ID of a delivery. It is random, since receivers remember the IDs of former servers.
func guid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// InjectHook orders a fault of webhook deliveries and returns what takes it back.
func (s *Server) InjectHook(f HookFault) (remove func()) {
	if f.Count == 0 {
		f.Count = 1
	}
	q := s.hooks
	q.mu.Lock()
	defer q.mu.Unlock()
	q.faults = append(q.faults, &f)
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		f.Count = 0
	}
}

// HoldHooks keeps all webhooks back until ReleaseHooks.
func (s *Server) HoldHooks() {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.holding = true
}

// ReleaseHooks sends what was kept back. Order, if given, receives the number of deliveries and returns the order in
// which to send them, as a permutation.
func (s *Server) ReleaseHooks(order func(n int) []int) {
	q := s.hooks
	q.mu.Lock()
	defer q.mu.Unlock()
	held := q.held
	q.held, q.holding = nil, false
	if order == nil {
		q.queue = append(q.queue, held...)
	} else {
		for _, i := range order(len(held)) {
			q.queue = append(q.queue, held[i])
		}
	}
	q.poke()
}

// Deliveries returns the attempts at webhook deliveries, oldest first; of very many the last 10,000.
func (s *Server) Deliveries() []Delivery {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	out := make([]Delivery, 0, len(s.hooks.log))
	for _, d := range s.hooks.log {
		out = append(out, *d)
	}
	return out
}

// Redeliver sends every delivery again whose last attempt failed, and returns how many.
func (s *Server) Redeliver() int {
	last := map[string]Delivery{}
	var order []string
	for _, d := range s.Deliveries() {
		if _, ok := last[d.GUID]; !ok {
			order = append(order, d.GUID)
		}
		last[d.GUID] = d
	}
	n := 0
	for _, g := range order {
		if d := last[g]; d.StatusCode < 200 || d.StatusCode > 299 {
			s.redeliver(d)
			n++
		}
	}
	return n
}

// RedeliverAll sends the deliveries with a GUID again, whatever became of them.
func (s *Server) RedeliverAll(guids ...string) {
	sent := map[string]bool{}
	for _, d := range s.Deliveries() {
		if slices.Contains(guids, d.GUID) && !sent[d.GUID] {
			sent[d.GUID] = true
			s.redeliver(d)
		}
	}
}

func (s *Server) redeliver(d Delivery) {
	s.mu.Lock()
	a := s.apps[d.AppID]
	url, secret := "", ""
	if a != nil {
		url, secret = a.WebhookURL, a.Secret
	}
	s.mu.Unlock()
	d.Redelivery, d.StatusCode, d.Problem = true, 0, ""
	s.hooks.add(&parcel{Delivery: d, url: url, secret: secret, hookID: d.AppID + 500_000})
}
