// Numbers and times as people read them: thin-space thousands, true minus, the
// reader's zone with UTC in the title.
import {h} from './dom.js';

const minus = s => s.replace('-', '\u2212');

function group(digits) {
	return digits.replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

// int writes a whole number.
export function int(x) {
	const n = Math.round(x || 0);
	return (n < 0 ? '\u2212' : '') + group(String(Math.abs(n)));
}

// num writes a number with a precision that fits its size; digits fixes the
// places after the point.
export function num(x, digits) {
	if (x === undefined || x === null || !Number.isFinite(x)) return 'unknown';
	const a = Math.abs(x);
	if (digits === undefined) {
		if (a >= 1e7 || (a > 0 && a < 1e-4)) return minus(x.toExponential(1));
		digits = a >= 100 || Number.isInteger(x) ? 0 : a >= 10 ? 1 : a >= 1 ? 2 : a >= 0.1 ? 3 : 4;
	}
	const [whole, part] = a.toFixed(digits).split('.');
	const zero = Number(a.toFixed(digits)) === 0;
	return (x < 0 && !zero ? '\u2212' : '') + group(whole) + (part ? '.' + part : '');
}

export function signed(x, digits) {
	return (x > 0 ? '+' : '') + num(x, digits);
}

// unitOf is what amounts are in that stand beside a currency, or lack one.
export function unitOf(x) {
	return x.currency || 'units of loss';
}

export function pct(x, digits = 1) {
	return num(x * 100, digits) + '\u2009%';
}

// rate writes requests a second.
export function rate(x) {
	return (x >= 10 ? int(x) : num(x, 1)) + '\u2009/s';
}

// units of what a verdict or signal counts in.
export function value(x, unit) {
	switch (unit) {
		case 'share': return pct(x, Math.abs(x) < 0.01 && x !== 0 ? 2 : 1);
		case 'ns': return span(x / 1e9);
		case 's': case 'seconds': return span(x);
		case 'ms': return num(x) + ' ms';
		case 'bytes': return bytes(x);
	}
	return num(x);
}

function bytes(x) {
	const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
	let i = 0, v = Math.abs(x);
	while (v >= 1024 && i < units.length - 1) {v /= 1024; i++;}
	return (x < 0 ? '\u2212' : '') + num(v, i && v < 100 ? 1 : 0) + ' ' + units[i];
}

// metric writes a model's quality: accuracy as a percentage, errors as they are.
export function metric(name, x) {
	return name === 'accuracy' ? pct(x) : num(x);
}

// range writes the interval of a signal, or nothing where it has none.
export function range(s, write = num) {
	if (!s || (s.lower === undefined && s.upper === undefined)) return '';
	return `${write(s.lower || 0)} to ${write(s.upper || 0)}`;
}

// span writes a length of time given in seconds.
export function span(s) {
	if (!Number.isFinite(s)) return 'unknown';
	const a = Math.abs(s);
	if (a === 0) return '0 s';
	if (a < 1e-3) return num(s * 1e6, 0) + ' µs';
	if (a < 1) return num(s * 1e3, a < 0.01 ? 1 : 0) + ' ms';
	if (a < 60) return num(s, a < 10 && !Number.isInteger(s) ? 1 : 0) + ' s';
	const of = (n, big, m, small) => `${Math.floor(n)} ${big}` + (Math.floor((n % 1) * m) ? ` ${Math.floor((n % 1) * m)} ${small}` : '');
	if (a < 3600) return a < 600 ? of(s / 60, 'min', 60, 's') : Math.round(s / 60) + ' min';
	if (a < 86400) return of(s / 3600, 'h', 60, 'min');
	const days = Math.floor(s / 86400);
	return days < 3 ? of(s / 86400, days === 1 ? 'day' : 'days', 24, 'h') : int(days) + ' days';
}

const goUnits = {d: 86400, h: 3600, m: 60, s: 1, ms: 1e-3, 'µs': 1e-6, us: 1e-6, ns: 1e-9};

// seconds reads a length of time as the server writes it: 7d, 36h, 1m4.2s.
export function seconds(text) {
	let total = 0;
	for (const [, n, u] of String(text || '').matchAll(/([\d.]+)(ms|µs|us|ns|d|h|m|s)/g)) total += Number(n) * goUnits[u];
	return total;
}

const two = n => String(n).padStart(2, '0');
const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function clock(t, withSeconds) {
	const d = new Date(t);
	return `${two(d.getHours())}:${two(d.getMinutes())}${withSeconds ? ':' + two(d.getSeconds()) : ''}`;
}

export function day(t) {
	const d = new Date(t);
	return `${d.getDate()} ${months[d.getMonth()]}`;
}

// when shows a moment: the time today, the weekday within a week, else the date.
export function when(t, now) {
	if (!t) return 'unknown';
	const d = new Date(t), n = new Date(now || Date.now());
	let text = clock(d, true);
	if (d.toDateString() !== n.toDateString()) {
		const near = Math.abs(n - d) < 6 * 864e5;
		text = `${near ? days[d.getDay()] : day(d) + (d.getFullYear() === n.getFullYear() ? '' : ' ' + d.getFullYear())} ${clock(d)}`;
	}
	return h('time', {datetime: d.toISOString(), title: d.toISOString()}, text);
}

// words turns an identifier of the server into words.
export function words(s) {
	return String(s || '').replaceAll('_', ' ');
}

// capital begins a sentence, unless with the name of a version.
export function capital(s) {
	return s && !/^v\d/.test(s) ? s[0].toUpperCase() + s.slice(1) : s || '';
}
