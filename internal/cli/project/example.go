package project

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// Example is a small file of made-up data, to see a template work with.
type Example struct {
	File
	Label string
	Time  string // The column of times.
}

// exampleRows is more than the first version needs to be trained and judged.
const exampleRows = 1200

// Example returns data of the kind that the template is for; the same each time.
func (t Template) Example() Example {
	r := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	row, head, label := payment, "ts,amount,country,night,is_fraud", "is_fraud"
	if t.Name == "text" {
		row, head, label = ticket, "ts,message,queue", "queue"
	}
	var b strings.Builder
	b.WriteString(head + "\n")
	for range exampleRows {
		at = at.Add(time.Duration(1+r.IntN(60)) * time.Minute)
		b.WriteString(at.Format(time.RFC3339) + "," + row(r) + "\n")
	}
	return Example{File{"example.csv", []byte(b.String())}, label, "ts"}
}

// payment is fraud the more probably, the larger it is, at night and from some countries.
func payment(r *rand.Rand) string {
	countries := []string{"DE", "FR", "IT", "BR"}
	amount, at, night := math.Exp(3+r.NormFloat64()), r.IntN(len(countries)), r.IntN(2)
	z := 0.03*amount + 1.5*float64(night) + float64(at) - 4
	fraud := 0
	if r.Float64() < 1/(1+math.Exp(-z)) {
		fraud = 1
	}
	return fmt.Sprintf("%.2f,%s,%d,%d", amount, countries[at], night, fraud)
}

// ticket is a message to a shop, and who should answer it; one of twenty goes wrong.
func ticket(r *rand.Rand) string {
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	queue := pick("billing", "delivery", "technical")
	about := map[string][]string{
		"billing":   {"the invoice shows a wrong amount", "I was charged twice", "please refund my payment", "the discount code was ignored"},
		"delivery":  {"my parcel has not arrived", "the package came damaged", "where is my order", "the courier left it in the rain"},
		"technical": {"the app crashes at login", "I cannot reset my password", "the page stays blank", "the printer does not connect"},
	}[queue]
	text := fmt.Sprintf("%s, %s since %s. Order %d. %s", pick("Hello", "Good morning", "Dear team", "Hi there"), pick(about...),
		pick("Monday", "yesterday", "last week", "three days"), 10000+r.IntN(90000), pick("Thanks!", "Please help.", "What can I do?", "Kind regards"))
	if r.IntN(20) == 0 {
		queue = pick("billing", "delivery", "technical")
	}
	return fmt.Sprintf("%q,%s", text, queue)
}
