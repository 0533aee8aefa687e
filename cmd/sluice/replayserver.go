package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/store"
)

// A SQLite file belongs to one process. So that "sluice replay" need not stop the server, the server leaves in its data
// folder where its admin address is and a token that changes with each start; whoever can read that file could change
// the database as well. The route takes nothing else.

// adminAccess is what the server leaves in its data folder.
type adminAccess struct {
	Address string `json:"address"` // host:port
	Token   string `json:"token"`
}

// adminFile is its name in the data folder.
const adminFile = "admin.json"

// newAdminAccess makes the token of this start.
func newAdminAccess() *adminAccess { return &adminAccess{Token: rand.Text()} }

// leave writes the file, for its owner alone.
func (a *adminAccess) leave(data string, at net.Addr) error {
	a.Address = at.String()
	raw, err := json.Marshal(a)
	if err != nil {
		return err
	}
	name := filepath.Join(data, adminFile)
	if err := os.WriteFile(name+".new", raw, 0o600); err != nil {
		return fmt.Errorf("write the admin token: %w", err)
	}
	return os.Rename(name+".new", name)
}

// routes adds POST /replay?id=… to the admin address.
func (a *adminAccess) routes(e *echo.Echo, s *store.Store) {
	e.POST("/replay", func(c echo.Context) error {
		token, _ := strings.CutPrefix(c.Request().Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(token), []byte(a.Token)) != 1 {
			return c.String(http.StatusUnauthorized, "the token is in "+adminFile+" of the data folder\n")
		}
		err := replayOne(c.Request().Context(), s, c.QueryParam("id"))
		var usage *usageError
		switch {
		case err == nil:
			return c.NoContent(http.StatusNoContent)
		case errors.As(err, &usage):
			return c.String(http.StatusBadRequest, err.Error()+"\n")
		case errors.Is(err, store.ErrNotFound):
			return c.String(http.StatusNotFound, err.Error()+"\n")
		}
		return err
	})
}

// askTimeout is how long the server may take to answer.
const askTimeout = 15 * time.Second

// askServer has the server that runs on a data folder replay something.
func askServer(ctx context.Context, data, id string) error {
	raw, err := os.ReadFile(filepath.Join(data, adminFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("a server has the database open and left no %s in %s: name its --data folder, or stop it, replay, and start it again", adminFile, data)
	}
	if err != nil {
		return fmt.Errorf("ask the server that has the database open: %w", err)
	}
	var a adminAccess
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("read %s of %s: %w", adminFile, data, err)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	at := url.URL{Scheme: "http", Host: reachableHost(a.Address), Path: "/replay", RawQuery: url.Values{"id": {id}}.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.Token)
	client := http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the server at %s, which has the database open: %w", a.Address, err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNoContent {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10)) // a reason that is cut is better than none
	err = fmt.Errorf("the server at %s answered %s: %s", a.Address, res.Status, firstLine(string(text)))
	if res.StatusCode == http.StatusBadRequest {
		return &usageError{err}
	}
	return err
}

// reachableHost is where a listener on all addresses is reached from its own host.
func reachableHost(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return address
}
