// Charts as descriptions of SVG. All of a page's strips share one time axis.
import {h, paths} from './dom.js';
import {clock, day, num} from './fmt.js';

const r1 = x => Math.round(x * 10) / 10;

// frame is a picture of that size; without a label it says nothing by itself.
function frame(w, height, label, ...kids) {
	return h('svg', {viewBox: `0 0 ${w} ${height}`, width: w, height, ...(label ? {role: 'img', 'aria-label': label} : {'aria-hidden': 'true'})}, kids);
}

// scale maps a..b to c..d.
function scale(a, b, c, d) {
	const k = b === a ? 0 : (d - c) / (b - a);
	return x => r1(c + (x - a) * k);
}

// ticks gives about n round numbers within lo..hi.
export function ticks(lo, hi, n) {
	const raw = (hi - lo) / Math.max(1, n) || 1, mag = 10 ** Math.floor(Math.log10(raw));
	const step = [1, 2, 2.5, 5, 10].map(m => m * mag).find(s => s >= raw * 0.999);
	const out = [];
	for (let v = Math.ceil(lo / step - 1e-9) * step; v <= hi + step * 1e-6; v += step) out.push(Math.abs(v) < step * 1e-9 ? 0 : v);
	return out;
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000];

// timeTicks gives about n round moments within t0..t1, in the reader's zone.
function timeTicks(t0, t1, n) {
	const step = (steps.find(s => s * 1000 * n >= t1 - t0) || 2592000) * 1000;
	const zone = new Date(t0).getTimezoneOffset() * 60000;
	const out = [];
	for (let t = Math.ceil((t0 - zone) / step) * step + zone; t <= t1; t += step) out.push(t);
	return {at: out, write: t => (step >= 864e5 ? day(t) : clock(t, step < 60000))};
}

// line draws points {x, y}; a null breaks it.
function line(points, x, y) {
	let d = '', pen = 'M';
	for (const p of points) {
		if (!p || !Number.isFinite(p.y)) {pen = 'M'; continue;}
		d += `${pen}${x(p.x)} ${y(p.y)}`;
		pen = 'L';
	}
	return d;
}

// band draws the field between lo and hi of points {x, lo, hi}, apart at nulls.
function band(points, x, y) {
	let d = '', run = [];
	const flush = () => {
		if (run.length > 1) d += 'M' + run.map(p => `${x(p.x)} ${y(p.hi)}`).join('L') + 'L' + run.reverse().map(p => `${x(p.x)} ${y(p.lo)}`).join('L') + 'Z';
		run = [];
	};
	for (const p of points) p && Number.isFinite(p.lo) && Number.isFinite(p.hi) ? run.push(p) : flush();
	flush();
	return d;
}

export const pad = {left: 46, right: 8};

// strip draws one measure over time: grid, band, lines, limits, marks, cursor.
// o: width, height, t0, t1, lo, hi, write, bands, lines, limits, marks, cursor, label.
export function strip(o) {
	const {width: w, height} = o, top = 8, bottom = height - 6;
	const x = scale(o.t0, o.t1, pad.left, w - pad.right), y = scale(o.lo, o.hi, bottom, top);
	return frame(w, height, o.label,
		ticks(o.lo, o.hi, Math.max(2, Math.floor(height / 34))).map(v => [
			h('line.grid', {x1: pad.left, x2: w - pad.right, y1: y(v), y2: y(v)}),
			h('text', {x: pad.left - 6, y: y(v) + 4, 'text-anchor': 'end'}, o.write(v))]),
		o.marks.map(m => h('line.rule', {x1: x(m.at), x2: x(m.at), y1: 0, y2: height})),
		o.bands.map(b => h('path', {class: b.cls, d: band(b.points, x, y)})),
		o.limits.map(l => [
			h('path', {class: l.cls, d: line(l.points, x, y)}),
			l.text && h('text.t2', {x: pad.left + 6, y: Math.max(11, y(l.points[0].y) - 4)}, l.text)]),
		o.lines.map(l => h('path', {class: l.cls, d: line(l.points, x, y)})),
		o.cursor !== null && h('line.cursor', {x1: x(o.cursor), x2: x(o.cursor), y1: 0, y2: height}));
}

// lane names events above the strips: {at, icon, tone, text}. What finds no room
// in its rows is counted on the mark before it.
export function lane(events, o) {
	const x = scale(o.t0, o.t1, pad.left, o.width - pad.right), shown = [], nothing = 'no run and no change of champion in this time';
	for (const e of [...events].sort((a, b) => b.at - a.at)) {
		const at = x(e.at), wide = 22 + (e.text.length + 4) * 6, left = at + wide > o.width ? at - wide + 8 : at - 7;
		const row = [0, 1].find(r => shown.every(s => s.row !== r || left + wide + 6 < s.left || left > s.left + s.wide + 6));
		if (row !== undefined) shown.push({...e, row, left, wide, before: left < at - 7, at});
		else if (shown.length) shown[shown.length - 1].more = (shown[shown.length - 1].more || 0) + 1;
	}
	return frame(o.width, 40, events.map(e => e.text).join(', ') || nothing,
		!shown.length && h('text', {x: pad.left, y: 13}, nothing),
		shown.map(s => h('g', {class: s.tone, transform: `translate(0 ${s.row * 18 + 2})`},
			h('g.g', {transform: `translate(${s.at - 7} 0)`}, paths(s.icon)),
			h('text', {x: s.before ? s.at - 12 : s.at + 12, y: 11, 'text-anchor': s.before ? 'end' : 'start'}, s.text + (s.more ? ` +${s.more}` : '')))));
}

// axis writes the time under the strips.
export function axis(o) {
	const x = scale(o.t0, o.t1, pad.left, o.width - pad.right), t = timeTicks(o.t0, o.t1, Math.max(2, Math.floor(o.width / 110)));
	return frame(o.width, 20, '',
		t.at.map(v => {
			const at = x(v), anchor = at < pad.left + 20 ? 'start' : at > o.width - 34 ? 'end' : 'middle';
			return [h('line.axis', {x1: at, x2: at, y1: 0, y2: 4}), h('text', {x: at, y: 16, 'text-anchor': anchor}, t.write(v))];
		}));
}

// lossBar holds a recoverable loss, from its lower bound to its estimate,
// against the price of a retrain.
export function lossBar(lower, estimate, price) {
	const w = 112, most = Math.max(price * 1.25, estimate, 1e-9), x = scale(0, most, 2, w - 2);
	const at = x(Math.max(lower, 0)), to = x(Math.max(estimate, 0));
	return h('div', {class: price > 0 && lower >= price ? 'warn' : 'faint'}, frame(w, 16, `recoverable loss at least ${num(Math.max(lower, 0))}, price ${num(price)}`,
		h('line.track', {x1: 2, x2: w - 2, y1: 8, y2: 8}),
		h('line.whisk', {x1: at, x2: to, y1: 8, y2: 8}),
		h('circle.knob', {cx: at, cy: 8, r: 3.5}),
		price > 0 && h('line.limit', {x1: x(price), x2: x(price), y1: 1, y2: 15})));
}

// whisker draws a value with its interval against a limit; over says that
// what passes is above the limit, not under it.
export function whisker(v, lower, upper, limit, over, label) {
	const w = 150, all = [v, lower, upper, limit].filter(Number.isFinite);
	const lo = Math.min(...all), hi = Math.max(...all), room = (hi - lo || Math.abs(hi) || 1) * 0.18;
	const x = scale(lo - room, hi + room, 2, w - 2), at = x(limit);
	return frame(w, 18, label,
		h('rect.good-band', {x: over ? at : 2, y: 1, width: Math.max(0, over ? w - 2 - at : at - 2), height: 16}),
		h('line.grid', {x1: 2, x2: w - 2, y1: 9, y2: 9}),
		lower !== upper && Number.isFinite(lower) && h('path.whisk', {d: `M${x(lower)} 9H${x(upper)}M${x(lower)} 5V13M${x(upper)} 5V13`}),
		h('line.limit', {x1: at, x2: at, y1: 0, y2: 18}),
		h('circle.knob', {cx: x(v), cy: 9, r: 3.5}));
}

// meter draws a size against named thresholds, at most `most`.
export function meter(v, marks, most, label) {
	const w = 112, x = scale(0, most, 2, w - 2);
	return frame(w, 12, label,
		h('line.track', {x1: 2, x2: w - 2, y1: 6, y2: 6}),
		h('rect.knob', {x: 2, y: 3, width: Math.max(0, x(Math.min(Math.max(v, 0), most)) - 2), height: 6}),
		marks.map(m => h('line.limit', {x1: x(m), x2: x(m), y1: 0, y2: 12})));
}

// weights draws how the traffic is split between candidate, control and rest.
export function weights(share, width) {
	const control = Math.min(share, 1 - share), a = share * width, b = control * width;
	return frame(width, 20, `candidate ${num(share * 100)} %, control ${num(control * 100)} %, champion ${num((1 - share - control) * 100)} %`,
		h('rect.f-rest', {x: 0, y: 0, width, height: 20}),
		h('rect.f-champ', {x: a + 2, y: 0, width: Math.max(0, b - 2), height: 20}),
		h('rect.f-cand', {x: 0, y: 0, width: a, height: 20}));
}
