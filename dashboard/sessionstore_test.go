package dashboard

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/store/storetest"
)

func TestSessionsInTheDatabase(t *testing.T) {
	ctx, now := t.Context(), noon
	s := &sessionStore{store: storetest.Open(t, storetest.SQLite(t), store.Options{}), now: func() time.Time { return now }}
	token, secret := randomText(), []byte("the person's token for GitHub")
	if err := s.CommitCtx(ctx, token, secret, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := s.FindCtx(ctx, token); err != nil || !ok || !bytes.Equal(got, secret) {
		t.Errorf("found %q %t %v", got, ok, err)
	}
	if _, ok, err := s.FindCtx(ctx, randomText()); err != nil || ok {
		t.Errorf("another token: %t %v", ok, err)
	}
	shelf, _ := sessionPlace(token)
	raw := ""
	read := func() {
		if err := s.store.Read(ctx, func(tx *store.Tx) (err error) { raw, err = tx.Setting(ctx, shelf); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if read(); raw == "" || strings.Contains(raw, token) || strings.Contains(raw, "GitHub") {
		t.Errorf("the database has %q", raw)
	}
	for _, bad := range []string{"nonsense", strings.Replace(raw, `"data":"`, `"data":"AAAA`, 1), strings.ReplaceAll(raw, `"data":"`, `"data":"","x":"`)} {
		if err := s.store.Write(ctx, func(tx *store.Tx) error { return tx.SetSetting(ctx, shelf, bad) }); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := s.FindCtx(ctx, token); err != nil || ok {
			t.Errorf("tampered with: %t %v", ok, err)
		}
	}
	if err := s.CommitCtx(ctx, token, secret, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	now = noon.Add(time.Hour)
	if _, ok, err := s.FindCtx(ctx, token); err != nil || ok {
		t.Errorf("after its end: %t %v", ok, err)
	}
	now = noon
	if err := s.DeleteCtx(ctx, token); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.FindCtx(ctx, token); err != nil || ok {
		t.Errorf("deleted: %t %v", ok, err)
	}
	if read(); raw != "[]" {
		t.Errorf("something is left: %q", raw)
	}
}

func TestShelvesAreBounded(t *testing.T) {
	ctx := t.Context()
	s := &sessionStore{store: storetest.Open(t, storetest.SQLite(t), store.Options{}), now: func() time.Time { return noon }}
	var kept []parcel
	for i := range sessionsOnShelf + 5 {
		err := s.change(ctx, "shelf", fmt.Sprint(i), func(rest []parcel) []parcel {
			return append(rest, parcel{ID: fmt.Sprint(i), Until: noon.Unix() + int64(1000+i)})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.store.Read(ctx, func(tx *store.Tx) (err error) { kept, err = readShelf(ctx, tx, "shelf"); return err }); err != nil {
		t.Fatal(err)
	}
	if len(kept) != sessionsOnShelf || kept[0].ID != "5" {
		t.Errorf("%d are kept, the first is %s", len(kept), kept[0].ID)
	}
}
