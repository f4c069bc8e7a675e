// Opens HTML reports in a headless Chromium and uses them as a person would. Arguments: the directory with the pages, and
// one for screenshots.
import { chromium } from "playwright-core";
import { createRequire } from "node:module";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import path from "node:path";
import assert from "node:assert/strict";

const [pages, shots] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
let passed = 0, failed = 0;

async function check(name, f) {
  try {
    await f();
    passed++;
    console.log(`ok ${name}`);
  } catch (e) {
    failed++;
    console.error(`FAILED ${name}: ${e.stack}`);
  }
}

// open loads a page and gives what it did that it must not: requests, and lines on the console.
async function open(file, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const url = pathToFileURL(path.join(pages, file)).href;
  const wrong = [];
  page.on("console", (m) => wrong.push(`console: ${m.text()}`));
  page.on("pageerror", (e) => wrong.push(`error: ${e}`));
  page.on("dialog", (d) => { wrong.push(`dialog: ${d.message()}`); d.dismiss(); });
  page.on("request", (r) => { if (r.url() !== url) wrong.push(`request: ${r.url()}`); });
  await page.addInitScript(() => { document.addEventListener("securitypolicyviolation", (e) => console.log(`policy: ${e.violatedDirective} ${e.blockedURI}`)); });
  const started = Date.now();
  await page.goto(url);
  return { page, wrong, context, ms: Date.now() - started };
}

const shown = (page) => page.locator("#findings .finding:not([hidden])").count();

async function accessible(file, options) {
  // The policy of the page keeps axe out, so that it is told not to apply; whether it does is asked elsewhere.
  const { page, context } = await open(file, { bypassCSP: true, ...options });
  await page.evaluate(() => document.querySelectorAll("details.check").forEach((d, i) => { d.open = i < 5; }));
  await page.evaluate(() => document.querySelectorAll("details.finding").forEach((d, i) => { d.open = i < 5; }));
  await page.addScriptTag({ content: axe });
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const serious = result.violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  for (const v of result.violations) console.log(`  ${file} ${v.impact} ${v.id}: ${v.help} (${v.nodes.length}) ${v.nodes[0].html.slice(0, 140)}`);
  assert.deepEqual(serious.map((v) => v.id), []);
  await context.close();
}

for (const file of readdirSync(pages).filter((f) => f.endsWith(".html")).sort()) {
  const size = statSync(path.join(pages, file)).size;
  await check(`${file} opens, asks for nothing and says nothing`, async () => {
    const { page, wrong, context, ms } = await open(file);
    await page.waitForTimeout(200);
    assert.equal(await page.evaluate(() => window.owned), undefined);
    assert.deepEqual(wrong, []);
    assert.equal(await page.locator("h1").count(), 1);
    assert.equal(await page.locator("img, iframe, object, embed, link").count(), 0);
    console.log(`  ${file}: ${(size / 1e6).toFixed(1)} MB, ${ms} ms, ${await page.locator("#findings .finding").count()} findings`);
    assert.ok(ms < 15000, `${ms} ms`);
    await context.close();
  });
  await check(`${file} without scripts`, async () => {
    const { page, wrong, context } = await open(file, { javaScriptEnabled: false });
    assert.deepEqual(wrong, []);
    assert.equal(await page.locator("#filters").isVisible().catch(() => false), false);
    await context.close();
  });
  for (const colorScheme of ["light", "dark"]) {
    await check(`${file} is accessible, ${colorScheme}`, () => accessible(file, { colorScheme }));
    await check(`${file}, ${colorScheme}, is photographed`, async () => {
      const { page, context } = await open(file, { colorScheme });
      await page.screenshot({ path: path.join(shots, `${file}-${colorScheme}.png`), fullPage: size < 1e6 });
      await page.locator("#findings").scrollIntoViewIfNeeded();
      const first = page.locator("#findings details.check").first();
      if (await first.count()) {
        if (!(await first.evaluate((d) => d.open))) await first.locator("> summary").click();
        await first.locator(".finding > summary").first().click();
        await page.locator("#findings").evaluate((s) => s.scrollIntoView());
        await page.screenshot({ path: path.join(shots, `${file}-${colorScheme}-finding.png`) });
      }
      await context.close();
    });
  }
  await check(`${file}, narrow`, async () => {
    const { page, wrong, context } = await open(file, { viewport: { width: 380, height: 800 } });
    assert.deepEqual(wrong, []);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    await page.screenshot({ path: path.join(shots, `${file}-narrow.png`) });
    await page.locator("#findings").evaluate((s) => s.scrollIntoView());
    await page.screenshot({ path: path.join(shots, `${file}-narrow-findings.png`) });
    assert.ok(wide <= 380, `the page is ${wide} wide`);
    await context.close();
  });
}

await check("shop filters, searches and opens", async () => {
  const { page, wrong, context } = await open("shop.html");
  const all = await page.locator("#findings .finding").count();
  assert.ok(all > 10, `${all} findings`);
  await page.selectOption("[name=severity]", "critical");
  await page.waitForTimeout(150);
  const critical = await page.locator("#findings .finding[data-severity=critical]").count();
  assert.ok(critical > 0 && critical < all);
  assert.equal(await shown(page), critical);
  assert.match(await page.locator("#count").textContent(), new RegExp(`^${critical} of ${all} `));
  await page.click("button[type=reset]");
  await page.waitForTimeout(150);
  assert.equal(await shown(page), all);
  await page.selectOption("[name=risk]", "4.3.3");
  await page.fill("[name=q]", "default deny shop-payments");
  await page.waitForTimeout(150);
  const some = await shown(page);
  assert.ok(some > 0 && some < all);
  for (const text of await page.locator("#findings .finding:not([hidden])").evaluateAll((fs) => fs.map((f) => `${f.dataset.risk} ${f.textContent}`))) {
    assert.match(text, /^4\.3\.3.*shop-payments/s);
  }
  const finding = page.locator("#findings .finding:not([hidden])").first();
  await finding.locator("> summary").click();
  assert.ok(await finding.locator(".body").isVisible());
  await page.fill("[name=q]", "no finding has this text");
  await page.waitForTimeout(150);
  assert.equal(await shown(page), 0);
  assert.ok(await page.locator("#nothing").isVisible());
  assert.deepEqual(wrong, []);
  await context.close();
});

await check("shop works by keyboard", async () => {
  const { page, context } = await open("shop.html");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.name), "q");
  await page.keyboard.type("cluster-admin");
  await page.waitForTimeout(150);
  assert.ok((await shown(page)) > 0);
  const summary = page.locator("#findings .finding:not([hidden]) > summary").first();
  await summary.focus();
  await page.keyboard.press("Enter");
  assert.ok(await page.locator("#findings .finding:not([hidden]) .body").first().isVisible());
  await context.close();
});

await check("a link to a finding of a huge report opens what it is folded into", async () => {
  const { page, context } = await open("huge.html");
  const id = await page.locator("details.more .finding").nth(3).getAttribute("id");
  await page.evaluate((id) => { location.hash = id; }, id);
  await page.waitForTimeout(200);
  assert.ok(await page.locator(`#${id} .body`).isVisible());
  await context.close();
});

await check("huge filters and searches in less than a second", async () => {
  const { page, wrong, context } = await open("huge.html");
  assert.equal(await page.locator("#findings .finding").count(), 10000);
  for (const [name, want] of [["app-01234", 1], ["app-0123", 10], ["deployment", 10000]]) {
    const ms = await page.evaluate(async (name) => {
      const count = document.getElementById("count");
      const before = performance.now();
      document.querySelector("[name=q]").value = name;
      document.querySelector("[name=q]").dispatchEvent(new Event("input", { bubbles: true }));
      await new Promise((done) => new MutationObserver(done).observe(count, { childList: true, characterData: true, subtree: true }));
      return performance.now() - before;
    }, name);
    assert.equal(await shown(page), want);
    console.log(`  "${name}": ${ms.toFixed(0)} ms`);
    assert.ok(ms < 1500, `${name}: ${ms} ms`);
  }
  assert.deepEqual(wrong, []);
  await context.close();
});

await check("shop prints", async () => {
  const { page, context } = await open("shop.html", { colorScheme: "dark" });
  await page.pdf({ path: path.join(shots, "shop.pdf"), format: "A4", printBackground: true, margin: { top: "14mm", bottom: "14mm", left: "12mm", right: "12mm" } });
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator("#filters").isVisible(), false);
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).color), "rgb(0, 0, 0)");
  await page.screenshot({ path: path.join(shots, "shop-print.png"), fullPage: true });
  await context.close();
});

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
