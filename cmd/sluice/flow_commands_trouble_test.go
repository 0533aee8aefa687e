package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/empty"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// troubleCommands are the commands by which things go wrong.
func troubleCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"start":         {": starts the server", cmdStart},
		"terminate":     {": ends the server with SIGTERM; it must end with status 0", cmdTerminate},
		"restart":       {": terminate and start, and GitHub sends again what did not arrive", cmdRestart},
		"crash":         {": ends the server with SIGKILL", cmdCrash},
		"hold-hooks":    {": GitHub keeps its webhooks back", cmdHoldHooks},
		"release-hooks": {"[reversed|shuffled]: GitHub sends what it kept back", cmdReleaseHooks},
		"lose-hooks":    {"event [count]: webhooks that are never sent", hookFault(fakegithub.DropHook)},
		"fail-hooks":    {"event [count]: webhooks that GitHub logs as failed", hookFault(fakegithub.FailHook)},
		"double-hooks":  {"event [count]: webhooks that are sent twice", hookFault(fakegithub.DuplicateHook)},
		"redeliver":     {"[all]: GitHub sends again what did not arrive, or everything", cmdRedeliver},
		"fault":         {"kind method route [count]: what GitHub answers our calls; kinds are 502, lose-reply, reset, limit[=duration], second-limit[=duration]", cmdFault},
		"refuse":        {"method route status message [count]: what GitHub refuses us, in its words", cmdRefuse},
		"mend":          {": GitHub is well again", cmdMend},
		"stall":         {"development|production: uploads to a registry wait until mend", cmdStall},
		"stalled":       {"development|production: somebody uploads to a registry that is stalled", cmdStalled},
		"drop-image":    {"tag: somebody takes an image out of production's registry", cmdDropImage},
		"deliver":       {"id event file status: posts a signed webhook; the answer's status", cmdDeliver},
		"put-image":     {"tag: somebody puts an image of their own into production's registry; sets $OTHER to its digest", cmdPutImage},
		"copy-image":    {"tag tag: somebody copies an image of development's registry into production's", cmdCopyImage},
		"sign-image":    {"tag KEY: somebody signs an image in development's registry, with a key of signature/testdata", cmdSignImage},
		"clock":         {"[-busy] time|+duration: puts everybody's clock forward, and waits until a server that runs has done what is due then; busy: does not wait", cmdClock},
		"down":          {"path: a path of the admin address is not 200", cmdDown},
	}
}

func cmdStart(s *scripted, args []string) error {
	if _, err := s.args(args, 0, 0); err != nil {
		return err
	}
	if err := s.serve(); err != nil {
		return err
	}
	return s.again()
}

func cmdTerminate(s *scripted, args []string) error {
	if _, err := s.args(args, 0, 0); err != nil {
		return err
	}
	return s.stop()
}

func cmdRestart(s *scripted, args []string) error {
	if err := cmdTerminate(s, args); err != nil {
		return err
	}
	return cmdStart(s, args)
}

func cmdCrash(s *scripted, args []string) error {
	if _, err := s.args(args, 0, 0); err != nil {
		return err
	}
	s.crash()
	return nil
}

func cmdHoldHooks(s *scripted, args []string) error {
	if _, err := s.args(args, 0, 0); err != nil {
		return err
	}
	s.hub.HoldHooks()
	return nil
}

func cmdReleaseHooks(s *scripted, args []string) error {
	args, err := s.args(args, 0, 1)
	if err != nil {
		return err
	}
	var order func(int) []int
	if len(args) == 1 {
		order = func(n int) []int {
			out := rand.New(rand.NewPCG(1, 2)).Perm(n) //nolint:gosec // the same shuffle each time
			if args[0] == "reversed" {
				for i := range out {
					out[i] = n - 1 - i
				}
			}
			return out
		}
	}
	s.hub.ReleaseHooks(order)
	return nil
}

func hookFault(kind fakegithub.HookFaultKind) func(*scripted, []string) error {
	return func(s *scripted, args []string) error {
		args, err := s.args(args, 1, 2)
		if err != nil {
			return err
		}
		h := fakegithub.HookFault{Kind: kind, Event: args[0], Count: 1}
		if h.Event == "all" {
			h.Event = ""
		}
		if len(args) == 2 {
			if h.Count, err = strconv.Atoi(args[1]); err != nil {
				return err
			}
		}
		s.mends = append(s.mends, s.hub.InjectHook(h))
		return nil
	}
}

func cmdRedeliver(s *scripted, args []string) error {
	args, err := s.args(args, 0, 1)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return s.again()
	}
	if err := s.hub.Settle(s.tb.Context()); err != nil {
		return err
	}
	s.hub.RedeliverAll(s.everyGUID()...)
	return nil
}

func cmdFault(s *scripted, args []string) error {
	args, err := s.args(args, 3, 4)
	if err != nil {
		return err
	}
	x := fakegithub.Fault{Method: args[1], Route: args[2], Actor: callerOf(args[2]), Count: 1}
	if x.Route == "all" {
		x.Route = ""
	}
	kind, long, timed := strings.Cut(args[0], "=")
	x.RetryAfter = time.Second
	if timed {
		if x.RetryAfter, err = time.ParseDuration(long); err != nil {
			return err
		}
	}
	switch kind {
	case "lose-reply":
		x.Kind = fakegithub.LoseReply
	case "reset":
		x.Kind = fakegithub.Reset
	case "limit":
		x.Kind = fakegithub.PrimaryLimit
	case "second-limit":
		x.Kind = fakegithub.SecondaryLimit
	default:
		if x.Status, err = strconv.Atoi(args[0]); err != nil {
			return fmt.Errorf("%q is no kind of fault", args[0])
		}
	}
	if len(args) == 4 {
		if x.Count, err = strconv.Atoi(args[3]); err != nil {
			return err
		}
	}
	s.mends = append(s.mends, s.hub.Inject(x))
	return nil
}

// callerOf is who calls a route for us: the App itself, known by its slug, what is about Apps, its bot everything else.
func callerOf(route string) string {
	if strings.HasPrefix(route, "/app/") {
		return strings.TrimSuffix(flowBot, "[bot]")
	}
	return flowBot
}

func cmdRefuse(s *scripted, args []string) error {
	args, err := s.args(args, 4, 5)
	if err != nil {
		return err
	}
	x := fakegithub.Fault{Kind: fakegithub.ServerError, Method: args[0], Route: args[1], Actor: callerOf(args[1]), Message: args[3], Count: 1}
	if x.Status, err = s.intArg(args[2]); err != nil {
		return err
	}
	if len(args) == 5 {
		if x.Count, err = s.intArg(args[4]); err != nil {
			return err
		}
	}
	s.mends = append(s.mends, s.hub.Inject(x))
	return nil
}

// stallOf is the stall of a registry.
func (s *scripted) stallOf(args []string) (*stall, error) {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return nil, err
	}
	on := map[string]*stall{"development": s.stalled[s.dev], "production": s.stalled[s.prod]}[args[0]]
	if on == nil {
		return nil, fmt.Errorf("there is no registry of %s", args[0])
	}
	return on, nil
}

func cmdStall(s *scripted, args []string) error {
	on, err := s.stallOf(args)
	if err != nil {
		return err
	}
	on.begin()
	s.mends = append(s.mends, on.end)
	return nil
}

func cmdStalled(s *scripted, args []string) error {
	on, err := s.stallOf(args)
	if err != nil {
		return err
	}
	return s.until("an upload to the registry that is stalled", func() (string, bool) {
		return "nobody uploads", on.count() > 0
	})
}

func cmdMend(s *scripted, args []string) error {
	if _, err := s.args(args, 0, 0); err != nil {
		return err
	}
	for _, mend := range s.mends {
		mend()
	}
	s.mends = nil
	return nil
}

func cmdDeliver(s *scripted, args []string) error {
	args, err := s.args(args, 4, 4)
	if err != nil {
		return err
	}
	body, err := os.ReadFile(s.ts.MkAbs(args[2]))
	if err != nil {
		return err
	}
	if s.server == nil {
		return errors.New("the server does not run")
	}
	status, err := parcel{server: "http://" + s.server.public, event: args[1], id: args[0], body: body}.post(s.tb.Context())
	if err == nil && strconv.Itoa(status) != args[3] {
		err = fmt.Errorf("the answer is %d, want %s", status, args[3])
	}
	return err
}

func cmdDown(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	status, body, err := s.ask(args[0])
	if err == nil && status == 200 {
		return errors.New(body)
	}
	return nil
}

func cmdGrant(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	s.repo.Grant(args[0], fakegithub.Role(args[1]))
	return nil
}

func cmdFork(s *scripted, args []string) error {
	from := s.flags.String("from", "development", "")
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	return s.fork(args[0], args[1], *from)
}

func cmdForkPush(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	return s.forkPush(args[0], args[1])
}

// ciApp is the App that reports foreign checks.
const ciApp = 4711

func cmdCI(s *scripted, args []string) error {
	args, err := s.args(args, 2, 3)
	if err != nil {
		return err
	}
	sha, err := s.flow.sha(args[0])
	if err != nil {
		return err
	}
	conclusion := ""
	if len(args) == 3 {
		conclusion = args[2]
	}
	_, err = s.repo.SetCheck(ciApp, sha, args[1], conclusion)
	return err
}

func cmdQueue(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	n, err := s.number(args[0])
	if err != nil {
		return err
	}
	sha, err := s.repo.Enqueue(n)
	s.set("SHA", sha)
	return err
}

func cmdRuleset(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(s.ts.MkAbs(args[0]))
	if err != nil {
		return err
	}
	var rs struct {
		Name, Target, Bypass string
		Include, Exclude     []string
		Rules                []fakegithub.Rule
	}
	if err := json.Unmarshal(text, &rs); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	set := fakegithub.Ruleset{Name: rs.Name, Target: rs.Target, Include: rs.Include, Exclude: rs.Exclude, Rules: rs.Rules}
	if rs.Bypass != "" {
		set.Bypass = []fakegithub.BypassActor{{Type: "Integration", ID: s.app.ID, Mode: rs.Bypass}}
	}
	s.set("RULESET", s.repo.AddRuleset(set))
	return nil
}

func cmdPutImage(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	digest, err := empty.Image.Digest()
	if err != nil {
		return err
	}
	s.set("OTHER", digest.Hex)
	return crane.Push(empty.Image, s.prod+"/"+flowApp+":"+args[0], crane.WithContext(s.tb.Context()), crane.Insecure)
}

func cmdCopyImage(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	return crane.Copy(s.dev+"/"+flowApp+":"+args[0], s.prod+"/"+flowApp+":"+args[1], crane.WithContext(s.tb.Context()), crane.Insecure)
}

func cmdDropImage(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	return crane.Delete(s.prod+"/"+flowApp+":"+args[0], crane.WithContext(s.tb.Context()), crane.Insecure)
}
