/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile of a page that does not carry it: fetched from beside the page, and again while the recording is written. */
"use strict";

const ASK_AGAIN_MS = 2000;

class Live {
  /* hooks: busy() while nothing may change, show(profile) */
  constructor(button, hooks) {
    this.button = button;
    this.hooks = hooks;
    this.version = null;
    this.paused = false;
    button.addEventListener("click", () => this.toggle());
  }

  /* The bytes of a profile; null where the last one is still the newest. */
  async fetchNew() {
    const headers = this.version ? {"If-None-Match": this.version} : {};
    const answer = await fetch("profile", {headers, cache: "no-store"});
    if (answer.status === 304) return null;
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    this.version = answer.headers.get("ETag");
    return new Uint8Array(await answer.arrayBuffer());
  }

  /* Until the recording has its end, or nobody answers any more. */
  async follow(profile) {
    let complete = profile.recording.health.complete;
    this.button.hidden = complete;
    this.label();
    while (!complete) {
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      if (this.paused || document.hidden || this.hooks.busy()) continue;
      const bytes = await this.fetchNew().catch(() => this.lose());
      if (bytes === undefined) return;
      if (!bytes) continue;
      const newer = await readProfile(bytes);
      this.hooks.show(newer);
      complete = newer.recording.health.complete;
    }
    this.button.hidden = true;
  }

  lose() {
    this.button.textContent = "not served any more";
    this.button.disabled = true;
  }

  toggle() {
    if (this.button.hidden || this.button.disabled) return;
    this.paused = !this.paused;
    this.label();
  }

  label() {
    this.button.textContent = this.paused ? "❚❚ paused" : "● live";
    this.button.setAttribute("aria-pressed", String(!this.paused));
  }
}
