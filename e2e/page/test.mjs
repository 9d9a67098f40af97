// The page as people meet it: what it says, whether it lives, whether everybody
// can read it. Talks to a running server and changes nothing but its traffic.
import { createRequire } from 'node:module';
import { mkdirSync } from 'node:fs';

const require = createRequire(process.env.MODULES + '/');
const { chromium } = require('playwright-core');
const axe = require('axe-core').source;
const base = process.argv[2].replace(/\/$/, ''), shots = process.env.SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

let passed = 0, failed = 0;
process.on('uncaughtException', (e) => {
	console.log(`FAIL  the test itself: ${String((e && e.message) || e).split('\n')[0]}`);
	console.log(`${passed} passed, ${failed + 1} failed`);
	process.exit(1);
});

async function check(what, f) {
	try {
		await f();
		passed++;
		console.log(`ok    ${what}`);
	} catch (e) {
		failed++;
		console.log(`FAIL  ${what}: ${String((e && e.message) || e).split('\n')[0]}`);
	}
}

function must(yes, otherwise) {
	if (!yes) throw new Error(otherwise);
}

const api = async (path) => (await fetch(base + path)).json();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb', '--hide-scrollbars'] });

// look opens a page and gathers what must not happen: console errors, errors of
// scripts, dialogs, requests to elsewhere.
async function look(context, path, before) {
	const page = await context.newPage();
	page.faults = [];
	page.on('console', (m) => { if (m.type() === 'error') page.faults.push(m.text()); });
	page.on('pageerror', (e) => page.faults.push(String(e)));
	page.on('dialog', (d) => { page.faults.push('a dialog: ' + d.message()); d.dismiss(); });
	page.on('request', (r) => { if (!r.url().startsWith(base) && !r.url().startsWith('data:')) page.faults.push('a request to ' + r.url()); });
	if (before) await before(page);
	await page.goto(base + path);
	await page.waitForSelector('html[data-ready]', { timeout: 15000 });
	return page;
}

async function scan(page) {
	await page.evaluate(axe);
	const found = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
	return found.violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `${v.id} (${v.nodes.length}: ${v.nodes[0].target})`);
}

const status = await api('/api/v1/status');
const model = status.models[0] && status.models[0].model;
must(model, 'the server has no model to look at');
const runs = (await api(`/api/v1/models/${model}/runs?limit=5`)).runs || [];
const pages = [['fleet', '/'], ['model', `/m/${model}`], ...(runs.length ? [['run', `/m/${model}/runs/${runs[0].run}`]] : []), ['audit', '/audit']];

for (const [width, height] of [[1440, 900], [390, 844]]) {
	for (const colorScheme of ['light', 'dark']) {
		const context = await browser.newContext({ viewport: { width, height }, colorScheme });
		for (const [name, path] of pages) {
			const where = `${name}, ${width} px, ${colorScheme}`, page = await look(context, path);
			await page.waitForTimeout(1200);
			if (shots) await page.screenshot({ path: `${shots}/${name}-${width}-${colorScheme}.png`, fullPage: true });
			await check(`${where}: no sideways scroll`, async () => {
				const [page1, window1] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
				must(page1 <= window1, `the page is ${page1} px wide`);
			});
			await check(`${where}: axe finds nothing serious`, async () => {
				const bad = await scan(page);
				must(bad.length === 0, bad.join('; '));
			});
			await check(`${where}: no error, nothing from elsewhere`, async () => must(page.faults.length === 0, page.faults.join('; ')));
			await page.close();
		}
		await context.close();
	}
}

const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark' });

await check('dark mode is dark', async () => {
	const page = await look(context, '/');
	const [back, text] = await page.evaluate(() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color].map((c) => c.match(/\d+/g).slice(0, 3).reduce((a, x) => a + Number(x), 0)));
	must(back < 150 && text > 500, `background sum ${back}, text sum ${text}`);
	await page.close();
});

await check('the fleet says each model’s sentence', async () => {
	const page = await look(context, '/');
	for (const m of status.models) {
		// The sentence may have changed since: the page must agree with the server within a few seconds.
		const until = Date.now() + 10000;
		for (;;) {
			const said = await page.locator(`[data-model="${m.model}"] [data-sentence]`).textContent(), now = (await api('/api/v1/status')).models.find((x) => x.model === m.model).sentence;
			if (said === now) break;
			must(Date.now() < until, `the page says “${said}”, the server “${now}”`);
			await page.waitForTimeout(100);
		}
	}
	await page.close();
});

await check('the model page says the sentence as its headline', async () => {
	const page = await look(context, `/m/${model}`);
	must((await page.locator('h1').count()) === 1, 'there is not exactly one h1');
	const said = await page.locator('h1').textContent();
	must(said.includes(model), `the headline is “${said}”`);
	must((await page.locator('.loop > li').count()) === 8, 'the loop has not eight stations');
	await page.close();
});

await check('the model page says what was saved against other policies', async () => {
	const page = await look(context, `/m/${model}`), card = page.locator('section[aria-label="Against other policies"]');
	await card.locator('[data-report]').waitFor({ timeout: 10000 });
	const { policies, objective } = (await api(`/api/v1/report?model=${model}`)).reports[0];
	const costs = card.locator('table').first().locator('tbody tr'), others = card.locator('table').last().locator('tbody tr');
	must((await others.count()) === policies.length && policies.length === 4, 'there is not one row for each policy');
	must((await others.first().textContent()).includes('weekly schedule'), 'the first row is not the weekly schedule');
	must((await costs.count()) === 5 && objective.staleness >= 0, 'there is not one row for each part of the objective, and their sum');
	must((await costs.first().textContent()).includes('Staleness'), 'the objective does not begin with staleness');
	await page.close();
});

// feed answers requests and labels them, so that there is something new to show.
// It returns the id of the last one.
async function feed(n) {
	const { config } = await api(`/api/v1/models/${model}`), features = {}, headers = { 'Content-Type': 'application/json' };
	let id = '';
	for (const f of config.features) features[f.name] = f.kind === 'number' ? 0.5 : 'a';
	for (let i = 0; i < n; i++) {
		id = `page-test-${Date.now()}-${i}`;
		const answer = await fetch(`${base}/api/v1/models/${model}/predict`, { method: 'POST', headers, body: JSON.stringify({ prediction_id: id, features }) });
		must(answer.ok, `predict answered ${answer.status}`);
		await fetch(`${base}/api/v1/models/${model}/feedback`, { method: 'POST', headers, body: JSON.stringify({ feedback: [{ prediction_id: id, label: config.task === 'regression' ? 1 : config.label.positive || '1' }] }) });
	}
	return id;
}

await check('the fleet changes by itself, without a reload', async () => {
	const page = await look(context, '/');
	await page.evaluate(() => { window.stayed = true; });
	const row = page.locator(`[data-model="${model}"]`), read = async () => row.evaluate((tr) => [...tr.cells].slice(0, -1).map((c) => c.textContent).join('|'));
	// Three changes, so that drawing again now and then is not enough.
	let before = await read(), changes = 0;
	for (let i = 0; i < 100 && changes < 3; i++) {
		if (i % 25 === 24) await feed(10);
		await page.waitForTimeout(100);
		const after = await read();
		if (after !== before) changes++;
		before = after;
	}
	must(changes >= 3, `the row changed ${changes} times in 10 s, and says “${before}”`);
	must(await page.evaluate(() => window.stayed === true), 'the page was loaded again');
	must((await page.locator('.live').textContent()).startsWith('Live'), 'the page does not say that it is live');
	await page.close();
});

await check('links, history and keys work without a reload', async () => {
	const page = await look(context, '/');
	await page.evaluate(() => { window.stayed = true; });
	await page.keyboard.press('j');
	await page.keyboard.press('Enter');
	await page.waitForURL(`**/m/${model}`);
	await page.waitForSelector('.loop');
	await page.keyboard.press('g');
	await page.keyboard.press('f');
	await page.waitForSelector('.fleet');
	await page.goBack();
	await page.waitForSelector('.loop');
	await page.keyboard.press('?');
	await page.waitForSelector('dialog[open]');
	await page.keyboard.press('Escape');
	await page.waitForSelector('dialog', { state: 'detached' }); // Only then is the focus back on the page.
	await page.keyboard.press('/');
	must(await page.waitForFunction(() => document.activeElement.id === 'find', null, { timeout: 5000 }).catch(() => false), '/ did not go to the search');
	must(await page.evaluate(() => window.stayed === true), 'the page was loaded again');
	await page.close();
});

await check('an answer leads back to what it was made from', async () => {
	must(status.models[0].champion, 'the model has no champion to answer');
	const id = await feed(1), page = await look(context, '/');
	await page.waitForTimeout(500); // Answers are stored at most 100 ms later.
	await page.fill('#find', id);
	await page.keyboard.press('Enter');
	await page.waitForURL(`**/t/${id}`);
	await page.waitForSelector('.chain');
	must((await page.locator('.chain > li').count()) >= 6, 'the chain is too short');
	must((await page.locator('.chain a[href*="/runs/"]').count()) === 1, 'the chain does not lead to the run');
	const bad = await scan(page);
	must(bad.length === 0, bad.join('; '));
	if (shots) await page.screenshot({ path: `${shots}/trace-1440-dark.png`, fullPage: true });
	must(page.faults.length === 0, page.faults.join('; '));
	await page.close();
});

await check('the page is under 100 kB in all', async () => {
	const page = await look(context, '/');
	const bytes = await page.evaluate(() => [...new Map(performance.getEntries().filter((e) => e.decodedBodySize && !e.name.includes('/api/')).map((e) => [e.name, e.decodedBodySize])).values()].reduce((a, b) => a + b));
	must(bytes > 10000 && bytes <= 100000, `it is ${bytes} bytes`);
	await page.close();
});

await check('an action asks for a reason and a token, and shows the refusal', async () => {
	const page = await look(context, `/m/${model}`);
	await page.locator('.verdict button').first().click();
	await page.waitForSelector('dialog[open]');
	const bad = await scan(page);
	must(bad.length === 0, bad.join('; '));
	if (shots) await page.screenshot({ path: `${shots}/dialog-1440-dark.png` });
	await page.fill('#act-reason', 'a test');
	await page.fill('#act-token', 'nobody');
	await page.locator('dialog .btns button:last-child').click();
	await page.waitForSelector('dialog [role=alert]');
	must(/token/i.test(await page.locator('dialog [role=alert]').textContent()), 'the refusal does not say what is wrong');
	must(await page.evaluate(() => sessionStorage.getItem('hone-token') === null), 'a refused token was kept');
	await page.keyboard.press('Escape');
	await page.waitForSelector('dialog', { state: 'detached' });
	await page.close();
});

await check('a model names its owner, and its incidents what they were about', async () => {
	const cause = 'drift: 3 of 12 features drift', incident = { incident: 'i-1', model, opened: new Date(Date.now() - 36e5).toISOString(), causes: [cause], sentence: `${model} has an incident: it drifts.` };
	const page = await look(context, `/m/${model}`, async (p) => {
		await p.route('**/api/v1/models/*/incidents*', (r) => r.fulfill({ contentType: 'application/json', body: JSON.stringify({ incidents: [incident, { ...incident, incident: 'i-0', closed: incident.opened, sentence: 'It is over.' }] }) }));
		await p.route(`**/api/v1/models/${model}`, async (r) => { const a = await r.fetch(); await r.fulfill({ response: a, json: { ...(await a.json()), owner: 'ada@example.com' } }); });
		await p.route('**/api/v1/events', (r) => r.abort());
		await p.route('**/api/v1/status', (r) => r.abort());
	});
	must(/ada@example.com/.test(await page.locator('[data-owner]').textContent({ timeout: 5000 })), 'the owner is not named');
	await page.waitForSelector('[data-incident="i-1"]', { timeout: 5000 });
	const texts = await page.locator('[data-incident]').allTextContents();
	must(texts.length === 2 && texts[0].includes('Open') && texts[0].includes(cause) && texts[1].includes('Over'), texts.join(' / '));
	const bad = await scan(page);
	must(bad.length === 0, bad.join('; '));
	if (shots) await page.screenshot({ path: `${shots}/incidents-1440-dark.png`, fullPage: true });
	await page.close();
});

await check('what is not there is said, with what to do', async () => {
	const page = await look(context, '/m/no-such-model');
	await page.waitForSelector('[role=alert]');
	must((await page.locator('h1').textContent()).includes('no-such-model'), 'the headline does not name it');
	await page.close();
});

await check('a lost connection is said, and the data stay', async () => {
	const page = await look(context, '/', (p) => p.route('**/api/v1/events', (r) => r.abort()));
	await page.waitForSelector('.live.off');
	must(/^Not live since \d\d:\d\d, retrying$/.test(await page.locator('.live').textContent()), 'it does not say since when');
	must((await page.locator('.fleet').count()) === 1, 'the data are gone');
	await page.close();
});

// imagined shows a fleet that the server does not have.
async function imagined(models) {
	const body = JSON.stringify({ at: new Date().toISOString(), models });
	return look(context, '/', async (p) => {
		await p.route('**/api/v1/status', (r) => r.fulfill({ contentType: 'application/json', body }));
		await p.route('**/api/v1/events', (r) => r.fulfill({ contentType: 'text/event-stream', body: `retry: 600000\nevent: status\ndata: ${body}\n\n` }));
	});
}

const some = (i, more) => ({ model: `model-${i}`, task: 'binary', mood: 'well', sentence: `model-${i} is well.`, lead: '', champion: 'v3', champion_since: new Date(Date.now() - 864e5).toISOString(), quality: { value: 0.93, lower: 0.91, upper: 0.95, n: 1000 }, recoverable_loss: { value: 12, lower: 4, upper: 12, n: 900 }, retrain_cost: 300, drifted_features: 1, features: 12, predictions_per_second: 3.2, new_labels: 812, ...more });

await check('text from the server is never markup', async () => {
	const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>';
	const page = await imagined([some(1, { model: evil, sentence: evil, lead: evil, mood: 'needs a person' })]);
	await page.waitForTimeout(500);
	must((await page.locator('main img, main script').count()) === 0, 'an element was made of it');
	must((await page.locator('[data-sentence]').last().textContent()) === evil, 'the text is not shown as it is');
	must(page.faults.filter((f) => !f.includes('EventSource')).length === 0, page.faults.join('; '));
	await page.close();
});

await check('groups: those that need a person come first', async () => {
	const page = await imagined([some(1), some(2, { mood: 'working', state: 'canary', run: 'model-2-4', sentence: 'model-2 is going stale, and its replacement is in canary.', lead: 'v4 answers 50 % of the traffic.' }),
		some(3, { mood: 'needs a person', state: 'awaiting_approval', run: 'model-3-1', sentence: 'model-3 has a first version that waits for approval.', lead: 'v1 passed 6 of 6 gates.' }),
		some(4, { mood: 'new', champion: '', champion_since: undefined, quality: undefined, recoverable_loss: undefined, sentence: 'model-4 has no champion yet: 80 labelled rows, 200 needed.' })]);
	const order = await page.locator('[data-model]').evaluateAll((all) => all.map((e) => e.dataset.model).join(' '));
	must(order === 'model-3 model-2 model-4 model-1', order);
	must((await page.locator('h1').textContent()) === 'One of 4 models needs a person.', await page.locator('h1').textContent());
	const bad = await scan(page);
	must(bad.length === 0, bad.join('; '));
	if (shots) await page.screenshot({ path: `${shots}/groups-1440-dark.png`, fullPage: true });
	await page.close();
});

await check('five hundred models are all there, and can be searched', async () => {
	const page = await imagined(Array.from({ length: 500 }, (_, i) => some(i)));
	await page.waitForSelector('[data-model="model-499"]');
	await page.fill('#find', 'model-77');
	await page.waitForFunction(() => document.querySelectorAll('[data-model]').length === 1);
	await page.close();
});

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
