package main

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// pageCommands are the commands of scripts for what people do on the dashboard.
func pageCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"press": {"who path[@execution] command [name=value ...]: presses the button of a command on a page, or on that of the first execution which it links to, and prints the message on the page that follows", cmdPress},
	}
}

var (
	formRE      = regexp.MustCompile(`(?s)<form method="post" action="([^"]+)">(.*?)</form>`)
	executionRE = regexp.MustCompile(`href="(/[^"]+/executions/[^"/]+)"`)
	hiddenRE    = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
	messageRE   = regexp.MustCompile(`(?s)<div class="message[^>]*>(.*?)</div>`)
	markupRE    = regexp.MustCompile(`<[^>]*>`)
)

func cmdPress(s *scripted, args []string) error {
	args, err := s.args(args, 3, -1)
	if err != nil {
		return err
	}
	b, err := s.browserOf(args[0])
	if err != nil {
		return err
	}
	at := "http://" + s.server.public
	path, execution := strings.CutSuffix(args[1], "@execution")
	page, err := readPage(b.Get(at + path))
	if link := executionRE.FindStringSubmatch(page); execution && link != nil {
		path = link[1]
		page, err = readPage(b.Get(at + path))
	}
	if err != nil {
		return err
	}
	var to []string
	var form url.Values
	for _, f := range formRE.FindAllStringSubmatch(page, -1) {
		fields := url.Values{}
		for _, h := range hiddenRE.FindAllStringSubmatch(f[2], -1) {
			fields.Set(h[1], html.UnescapeString(h[2]))
		}
		if fields.Get("command") == args[2] && fields.Get("scope") == "" { // the other scope is another button of the same command
			to, form = append(to, html.UnescapeString(f[1])), fields
		}
	}
	if len(to) != 1 {
		return fmt.Errorf("%s\nthat page has %d buttons for %s, of which %s shows", page, len(to), args[2], path)
	}
	for _, field := range args[3:] {
		name, value, _ := strings.Cut(field, "=")
		form.Set(name, value)
	}
	if _, err := readPage(b.PostForm(at+to[0], form)); err != nil {
		return err
	}
	if page, err = readPage(b.Get(at + path)); err != nil {
		return err
	}
	message := messageRE.FindStringSubmatch(page)
	if message == nil {
		return fmt.Errorf("the page says nothing:\n%s", page)
	}
	_, err = fmt.Fprintln(s.ts.Stdout(), strings.Join(strings.Fields(html.UnescapeString(markupRE.ReplaceAllString(message[1], ""))), " "))
	return err
}

// readPage is the text of a page; one that is refused is an error.
func readPage(res *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("the page answers %s", res.Status)
	}
	return string(text), err
}
