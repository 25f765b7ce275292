// Loads rule files into Coraza and says of each request on standard input (a JSON object a line) whether it is blocked.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/corazawaf/coraza/v3"
)

type request struct {
	Method, Uri, Body string
}

func main() {
	config := coraza.NewWAFConfig().WithDirectives("SecRuleEngine On\nSecRequestBodyAccess On\n")
	for _, file := range os.Args[1:] {
		config = config.WithDirectivesFromFile(file)
	}
	waf, err := coraza.NewWAF(config)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		tx := waf.NewTransaction()
		tx.ProcessConnection("192.0.2.1", 1, "192.0.2.2", 443)
		tx.ProcessURI(r.Uri, r.Method, "HTTP/1.1")
		tx.AddRequestHeader("Host", "localhost")
		tx.AddRequestHeader("Content-Type", "application/x-www-form-urlencoded")
		blocked := tx.ProcessRequestHeaders() != nil
		if !blocked {
			if _, _, err := tx.WriteRequestBody([]byte(r.Body)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			interruption, err := tx.ProcessRequestBody()
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			blocked = interruption != nil
		}
		fmt.Println(blocked)
		tx.Close()
	}
}
