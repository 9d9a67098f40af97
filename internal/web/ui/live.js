// What the page knows of the server: one stream of events, and what is fetched
// again when the stream says that it may have changed.
export const live = {status: null, error: null, lost: null, open: false};

const watchers = new Set();
const key = 'hone-token';
let skew = 0, wait = 1000, last = '';

// watch calls f(kind, data) for each status, audit event and change of the
// connection. It returns what ends that.
export function watch(f) {
	watchers.add(f);
	return () => watchers.delete(f);
}

const tell = (kind, data) => watchers.forEach(f => f(kind, data));

// now is the server's time, which need not be the browser's.
export function now() {
	return Date.now() + skew;
}

// age is the time since t, in seconds.
export const age = t => Math.max(0, (now() - Date.parse(t)) / 1000);

// find returns the status of a model, or undefined.
export function find(model) {
	return live.status ? live.status.models.find(m => m.model === model) : undefined;
}

function take(status) {
	live.status = status;
	live.error = null;
	live.at = Date.now();
	skew = Date.parse(status.at) - live.at;
	tell('status', status);
}

// token is the one that was given in this tab, or null; keep takes another, or
// none.
export const token = () => sessionStorage.getItem(key);
export const keep = to => (to ? sessionStorage.setItem(key, to) : sessionStorage.removeItem(key));

const headers = more => ({...more, ...(token() && {Authorization: 'Bearer ' + token()})});

// heard takes one event of the stream.
function heard(text) {
	const e = Object.fromEntries(text.split('\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
	last = e.id || last;
	if (e.event === 'status') take(JSON.parse(e.data));
	else if (e.event) tell(e.event, JSON.parse(e.data));
}

// start opens the stream and keeps it open. No EventSource: it sends no token.
export async function start() {
	try {
		const r = await fetch('/api/v1/events', {headers: headers(last && {'Last-Event-ID': last})});
		if (!r.ok) throw r;
		const again = live.lost !== null, from = r.body.pipeThrough(new TextDecoderStream()).getReader();
		live.open = true;
		live.lost = null;
		wait = 1000;
		tell(again ? 'again' : 'open');
		for (let text = '', got; !(got = await from.read()).done;) {
			const all = (text + got.value).split('\n\n');
			text = all.pop();
			all.forEach(heard);
		}
	} catch {
		// It is opened again, whatever ended it.
	}
	live.open = false;
	live.lost = live.lost || Date.now();
	tell('lost');
	setTimeout(start, wait);
	wait = Math.min(wait * 2, 15000);
}

// first fetches how every model is without waiting for the stream.
export async function first() {
	try {
		const s = await get('/api/v1/status');
		if (!live.status || s.at >= live.status.at) take(s);
	} catch (e) {
		live.error = e;
		tell('status');
	}
}

// get fetches JSON. What it throws has title, detail, hint and status, as
// problem details have.
export async function get(url, options = {}) {
	let r;
	try {
		r = await fetch(url, {...options, headers: headers(options.headers)});
	} catch {
		throw {title: 'Hone does not answer', detail: 'the request did not reach the server', hint: 'look whether it still runs', status: 0};
	}
	const body = await r.json().catch(() => null);
	if (r.ok && body !== null) return body;
	throw {title: 'The server answered ' + r.status, detail: '', hint: '', ...body, status: r.status};
}

// Resource is one address and what it last gave. Fetching again at most once in
// `every` milliseconds keeps what is shown until the new answer is there; merge,
// where it is set, joins both.
export class Resource {
	constructor(url, every = 1000) {
		Object.assign(this, {url, every, data: null, error: null, at: 0, asked: 0, busy: false, timer: 0});
	}

	// refresh fetches soon; calls in between come to one.
	refresh() {
		if (this.timer) return;
		const due = this.busy ? this.every : Math.max(0, this.asked + this.every - Date.now());
		this.timer = setTimeout(() => {this.timer = 0; this.load();}, due);
	}

	async load() {
		if (this.busy) return this.refresh();
		this.busy = true;
		this.asked = Date.now();
		try {
			const got = await get(typeof this.url === 'function' ? await this.url() : this.url);
			this.data = this.data && this.merge ? this.merge(this.data, got) : got;
			this.at = Date.now();
			this.error = null;
		} catch (e) {
			this.error = e.title ? e : {title: 'The page failed', detail: String(e), hint: 'reload the page'};
		}
		this.busy = false;
		tell('resource', this);
	}

	stop() {
		clearTimeout(this.timer);
		this.timer = 1;
	}
}
