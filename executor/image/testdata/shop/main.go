// Command shop is a program with a module in it.
package main

import "github.com/google/go-cmp/cmp"

func main() { println(cmp.Equal(1, 1)) }
