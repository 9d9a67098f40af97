// A model over time: what happened, its quality against the baseline, and what a
// retrain would win back against its price. One time axis, one cursor.
import {h, fold, say, table} from './dom.js';
import {clock, int, metric, num, pct, when, words} from './fmt.js';
import {axis, lane, pad, strip, ticks} from './draw.js';
import {card, empty} from './words.js';
import {live, now} from './live.js';

const time = s => Date.parse(s.at);

// moves are the changes of champion, oldest first.
function moves(versions) {
	return ((versions?.alias_history) || []).filter(m => m.alias === 'champion' && m.version).map(m => ({...m, t: time(m)})).sort((a, b) => a.t - b.t);
}

// happened names what the lane shows.
function happened(changes, runs) {
	const seen = new Set(), out = [];
	for (const m of changes) {
		out.push(seen.has(m.version) ? {at: m.t, icon: 'back', tone: 'bad', text: `back to ${m.version}`} : {at: m.t, icon: 'ok', tone: 'good', text: `${m.version} champion`});
		seen.add(m.version);
	}
	for (const r of (runs?.runs) || []) {
		out.push({at: Date.parse(r.started), icon: 'attn', tone: 'warn', text: `${r.run} starts`});
		if (r.state === 'closed' && r.ending !== 'promoted' && !changes.some(m => m.run === r.run)) out.push({at: Date.parse(r.ended), icon: r.ending === 'rolled_back' ? 'back' : 'fail', tone: 'bad', text: `${r.candidate || r.run} ${words(r.ending)}`});
	}
	return out;
}

// broken puts a null where the champion changed: its numbers begin anew.
function broken(points, changes) {
	const out = [];
	let i = 0, before = 0;
	for (const p of points) {
		if (p) {
			for (; i < changes.length && changes[i].t <= p.x; i++) if (before && before < changes[i].t) out.push(null);
			before = p.x;
		}
		out.push(p);
	}
	return out;
}

// baseline is what each champion's metric is held against, while it served.
function baseline(changes, versions, metricName, o) {
	return changes.flatMap((m, i) => {
		const v = versions.versions.find(x => x.version === m.version), y = v?.baseline && v.baseline[metricName];
		const from = Math.max(m.t, o.t0), to = i + 1 < changes.length ? changes[i + 1].t : o.t1;
		return Number.isFinite(y) && to > from ? [{x: from, y}, {x: to, y}, null] : [];
	});
}

// thin keeps enough points for any screen.
function thin(points) {
	const every = Math.ceil(points.length / 1500);
	return points.filter((p, i) => !p || i % every === 0 || i === points.length - 1);
}

const nearest = (points, t) => points.reduce((a, p) => (!a || Math.abs(p.x - t) < Math.abs(a.x - t) ? p : a), null);

// timeline keeps the cursor and the scales, which only ever grow.
export function timeline() {
	let width = 0, cursor = null, seen = null, shown = {points: []};
	const scales = new Map();

	function grow(key, values) {
		const was = scales.get(key) || [Infinity, -Infinity], next = [Math.min(was[0], ...values), Math.max(was[1], ...values)];
		scales.set(key, next);
		return next;
	}

	function measure(redraw) {
		const el = document.querySelector('[data-plot]');
		if (!el || el === seen) return;
		seen = el;
		new ResizeObserver(() => {const w = Math.floor(el.clientWidth); if (w && w !== width) {width = w; redraw();}}).observe(el);
	}

	function point(e) {
		const x = e.clientX - e.currentTarget.getBoundingClientRect().left;
		cursor = shown.t0 + ((Math.min(Math.max(x, pad.left), width - pad.right) - pad.left) / (width - pad.left - pad.right)) * (shown.t1 - shown.t0);
		shown.redraw();
	}

	function key(e) {
		const by = {ArrowLeft: -1, ArrowRight: 1}[e.key], ps = shown.points;
		if (e.key === 'Escape') cursor = null;
		else if (by && ps.length) {
			e.preventDefault();
			const i = ps.indexOf(nearest(ps, cursor === null ? shown.t1 : cursor)) + by * (e.shiftKey ? 10 : 1), p = ps[Math.min(Math.max(i, 0), ps.length - 1)];
			cursor = p.x;
			say(`${clock(p.x, true)}: ${shown.write(p.y)}`);
		}
		shown.redraw();
	}

	// measured is one strip: its name, its plot, and the value at the cursor.
	function measured(o, title, note, points, plot, read) {
		const known = points.filter(Boolean), at = o.cursor === null ? known[known.length - 1] : nearest(known, o.cursor);
		return h('div.strip', {key: title}, h('div', h('div.b', title), h('div.sm.t3', note)),
			at ? h('div', {onpointermove: point, onpointerleave: () => {cursor = null; shown.redraw();}}, strip({...o, ...plot(known)})) : h('div.t3', 'unknown: too few labels so far'),
			h('div', at && read(at).map((t, i) => h('div', {class: i ? 'sm t3' : 'big'}, t))));
	}

	function qualityStrip(m, o, points, base, name, write) {
		const title = name === 'mae' ? 'Mean error' : 'Accuracy', held = m.version?.baseline && m.version.baseline[name];
		return measured(o, title, Number.isFinite(held) ? `realised; baseline ${write(held)}` : 'realised', points, known => {
			let [lo, hi] = grow('quality', [...known.flatMap(p => [p.lo, p.hi]), ...base.filter(Boolean).map(p => p.y)]);
			const marks = ticks(lo, hi, 3), step = marks.length > 1 ? marks[1] - marks[0] : (hi - lo) / 2 || 0.01;
			lo = Math.floor(lo / step) * step;
			hi = Math.ceil(hi / step) * step;
			return {height: 116, lo, hi: name === 'accuracy' ? Math.min(hi, 1) : hi, write: name === 'accuracy' ? v => pct(v, step < 0.01 ? 1 : 0) : num,
				bands: [{cls: 'champ-band', points}], lines: [{cls: 'champ', points}], limits: [{cls: 'base', points: base}], label: `${title} over time, now ${write(known[known.length - 1].y)}`};
		}, p => [write(p.y), `${write(p.lo)} to ${write(p.hi)}`, `${int(p.n)} labels`]);
	}

	function lossStrip(m, o, points) {
		const reason = (m.decision.reasons || []).find(r => r.trigger === 'recoverable_loss'), price = (reason?.limit) || m.retrain_cost || 0;
		return measured(o, 'Recoverable loss', 'at least (thick) and about (thin), in units of loss', points, known => ({
			height: 96, lo: 0, write: num, hi: grow('loss', [0, price * 1.25, ...known.map(p => p.hi)])[1], bands: [{cls: 'cand-band', points}], lines: [{cls: 'cand thin', points: points.map(p => p && {x: p.x, y: p.hi})}, {cls: 'cand', points}],
			limits: price ? [{cls: 'limit', points: [{x: o.t0, y: price}, {x: o.t1, y: price}], text: 'price of a retrain'}] : [], label: `Recoverable loss over time, now at least ${num(Math.max(known[known.length - 1].y, 0))}, price ${num(price)}`}),
		p => [num(Math.max(p.y, 0)), `at least; about ${num(p.hi)}`, price ? `price ${num(price)}` : 'no price set']);
	}

	return {
		// got holds the histories as the server gave them: quality, loss, versions, runs.
		view(m, got, name, redraw) {
			setTimeout(() => measure(redraw), 0);
			const own = list => ((list?.signals) || []).filter(s => !s.slice), write = x => metric(name, x), changes = moves(got.versions), raw = own(got.quality);
			const quality = broken(thin(raw.map(s => (s.unknown ? null : {x: time(s), y: s.value, lo: s.lower ?? s.value, hi: s.upper ?? s.value, n: s.n}))), changes);
			const loss = broken(thin(own(got.loss).map(s => (s.unknown || !s.n ? null : {x: time(s), y: s.lower || 0, lo: s.lower || 0, hi: s.value}))), changes), points = [...quality, ...loss].filter(Boolean);
			if (points.length < 2) return empty('Over time', m.champion ? `Quality and recoverable loss are drawn here as labels come: ${int(m.new_labels)} new ones so far.` : 'Quality is drawn here once there is a champion.');
			const t0 = points.reduce((a, p) => Math.min(a, p.x), Infinity), t1 = points.reduce((a, p) => Math.max(a, p.x), now());
			shown = {t0, t1, points: quality.filter(Boolean), write, redraw};
			const marks = happened(changes, got.runs).filter(e => e.at >= t0 && e.at <= t1), at = cursor !== null && cursor >= t0 && cursor <= t1 ? cursor : null;
			const o = {width: width || 600, t0, t1, marks, cursor: at}, row = (title, what, end) => h('div.strip', {key: title}, h('div.t2', title), what, h('div.t3', end));
			return card('Over time', ['from ', when(t0, now()), live.lost ? ', until the connection was lost' : ', live', legend()],
				row('What happened', h('div', {'data-plot': true}, lane(marks, o)), at === null ? 'now' : clock(at, true)),
				h('div', {tabindex: 0, role: 'group', 'aria-label': 'Charts: arrow keys move the cursor, Escape ends it', onkeydown: key},
					qualityStrip(m, o, quality, baseline(changes, got.versions, name, o), name, write), lossStrip(m, o, loss)),
				row('', h('div', axis(o)), ''),
				fold('as table', table(null, ['!At', `>${name}`, '>Interval', '>Labels'], raw.filter(s => !s.unknown).slice(-12).reverse().map(s => [s.at, when(s.at, now()), write(s.value), `${write(s.lower || 0)} to ${write(s.upper || 0)}`, int(s.n)]))));
		},
	};
}

function legend() {
	return h('span.leg.large', [['', 'realised'], [' band', 'interval, 99.9 %'], [' d', 'baseline'], [' c', 'recoverable loss'], [' l', 'price']].map(([cls, text]) => [h('span', {class: 'key' + cls}), text]));
}
