package config

import "net/url"

// delivery holds how plans are delivered against who serves the model.
func (c *checker) delivery() {
	d := c.m.Deliver
	has := func(key string) bool { return c.has(join(c.path, "deliver."+key)) }
	if !c.has(join(c.path, "deliver")) || c.failedUnder("deliver") || c.failedUnder("serving") {
		return
	}
	switch {
	case !c.m.Elsewhere():
		c.fault("deliver", "write serving: external, or take it out", "nothing is delivered of a model that Hone serves")
	case len(d.Command) > 0 && d.Webhook != "":
		c.fault("deliver", "take one of them out", "a plan is delivered by a command or by a webhook, not by both")
	case len(d.Command) == 0 && d.Webhook == "":
		c.fault("deliver", "add command: [python, deliver.py] or webhook: https://…", "it does not say how")
	case d.Webhook != "" && d.Secret == "":
		c.fault("deliver.webhook", "add secret: env:NAME or secret: file:PATH", "the webhook has no secret to be signed by")
	case d.Webhook != "" && (has("timeout") || has("network") || has("env")):
		c.fault("deliver", "take timeout, network and env out", "a webhook takes secret and private alone")
	case d.Webhook == "" && (has("secret") || has("private")):
		c.fault("deliver", "take secret and private out", "a command takes timeout, network and env alone")
	case d.Webhook != "":
		c.webhook(d.Webhook, d.Private)
	}
}

func (c *checker) webhook(address string, private bool) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		c.fault("deliver.webhook", "write https://models.example.com/hone", "the webhook is no address")
	case u.User != nil:
		c.fault("deliver.webhook", "the signature says who sends it", "the webhook has a name or a password in it")
	case u.Scheme == "http" && !private:
		c.fault("deliver.webhook", "write https, or private: true where nobody else is between", "the webhook is not encrypted")
	}
}
