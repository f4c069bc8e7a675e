"use strict";
(function () {
  var page = document.documentElement;
  page.classList.remove("noscript");
  var form = document.getElementById("filters");
  if (form) filter(form);

  function filter(form) {
    var findings = Array.prototype.slice.call(document.querySelectorAll("#findings .finding"));
    var checks = Array.prototype.slice.call(document.querySelectorAll("#findings .check"));
    var risks = Array.prototype.slice.call(document.querySelectorAll("#findings .risk"));
    var text = new Map();
    var opened = new Set();
    var count = document.getElementById("count");
    var wait = 0;

    function words(f) {
      var known = text.get(f);
      if (known === undefined) {
        known = (f.textContent + " " + f.dataset.check).toLowerCase();
        text.set(f, known);
      }
      return known;
    }

    function visible(box) { return box.querySelector(".finding:not([hidden])") !== null; }

    function apply() {
      var want = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
      var chosen = {
        severity: form.elements.severity.value, result: form.elements.result.value,
        risk: form.elements.risk.value, namespace: form.elements.namespace.value,
        baseline: form.elements.baseline ? form.elements.baseline.value : ""
      };
      var keys = Object.keys(chosen).filter(function (k) { return chosen[k] !== ""; });
      var filtering = want.length > 0 || keys.length > 0;
      var n = 0;
      findings.forEach(function (f) {
        var shown = keys.every(function (k) { return f.dataset[k] === chosen[k]; }) &&
          want.every(function (w) { return words(f).indexOf(w) >= 0; });
        f.hidden = !shown;
        if (shown) n++;
      });
      checks.forEach(function (c) {
        c.hidden = filtering && !visible(c);
        // What was found is shown; what was opened for that is closed again.
        if (filtering && !c.hidden && !c.open && n <= 200) {
          c.open = true;
          opened.add(c);
        } else if (!filtering && opened.delete(c)) {
          c.open = false;
        }
        var more = c.querySelector("details.more");
        if (more) {
          more.hidden = filtering && !visible(more);
          if (filtering && !more.hidden && n <= 200) more.open = true;
        }
      });
      risks.forEach(function (r) { r.hidden = filtering && r.querySelector(".check:not([hidden])") === null; });
      document.getElementById("nothing").hidden = n > 0 || findings.length === 0;
      count.textContent = filtering ? n + " of " + findings.length + " findings" : findings.length + (findings.length === 1 ? " finding" : " findings");
    }

    function soon() {
      clearTimeout(wait);
      wait = setTimeout(apply, findings.length > 1000 ? 200 : 50);
    }

    form.addEventListener("input", soon);
    form.addEventListener("reset", function () { setTimeout(apply, 0); });
    form.addEventListener("submit", function (e) { e.preventDefault(); apply(); });
    document.addEventListener("keydown", function (e) {
      if (e.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName) && !e.ctrlKey && !e.metaKey && !e.altKey) {
        e.preventDefault();
        form.elements.q.focus();
      }
    });
    document.getElementById("unfold").addEventListener("click", function () { fold(true); });
    document.getElementById("fold").addEventListener("click", function () { fold(false); });
    function fold(open) { checks.forEach(function (c) { if (!c.hidden) c.open = open; }); }
    apply();
  }

  // A link to a finding opens what it is folded into.
  function reveal() {
    var id = location.hash.slice(1);
    var at = id && document.getElementById(id);
    for (var box = at; box; box = box.parentElement) {
      if (box.tagName === "DETAILS") box.open = true;
    }
    if (at) at.scrollIntoView();
  }
  window.addEventListener("hashchange", reveal);
  reveal();

  var printed = [];
  window.addEventListener("beforeprint", function () {
    printed = Array.prototype.filter.call(document.querySelectorAll("details.check, details.about"), function (d) { return !d.open; });
    printed.forEach(function (d) { d.open = true; });
  });
  window.addEventListener("afterprint", function () {
    printed.forEach(function (d) { d.open = false; });
    printed = [];
  });
})();
