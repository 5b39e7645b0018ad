// Playback: alpha moves by itself through the measured values, resting at each. A button and the space key start and stop
// it; any other move of alpha stops it. Who asks for reduced motion gets steps instead of a glide.

const REST = 700; // milliseconds at each measured value
const GLIDE = 600; // and on the way to the next
const STEP = 1300; // at each, without a glide

export class Playback {
  /** `moved(alpha, committed)` as for the ruler. */
  constructor(button, moved) {
    Object.assign(this, { button, moved, frame: null, timer: null });
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    button.addEventListener("click", () => this.toggle());
    document.addEventListener("keydown", (event) => {
      if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.target.closest("input, textarea, select, button, summary, a, [contenteditable]")) return;
      event.preventDefault();
      this.toggle();
    });
  }

  get playing() {
    return this.button.getAttribute("aria-pressed") === "true";
  }

  /** Takes the view and where alpha is now. A move that is not its own stops it. */
  follow(view, alpha) {
    this.view = view;
    this.button.disabled = view.measured.length < 2;
    this.alpha = alpha;
    if (this.playing && alpha !== this.own) this.stop();
  }

  toggle() {
    if (this.playing) this.stop();
    else if (!this.button.disabled && this.view) this.#start();
  }

  #start() {
    const last = this.view.measured.at(-1).alpha;
    if (this.alpha >= last) this.#to(this.view.measured[0].alpha);
    this.own = this.alpha;
    this.#say(true);
    this.timer = setTimeout(() => this.#next(), REST / 2);
  }

  #next() {
    const from = this.alpha;
    const to = this.view.step(from, 1);
    if (to === from) return this.stop();
    if (this.still.matches) {
      this.#to(to);
      this.timer = setTimeout(() => this.#next(), STEP);
      return undefined;
    }
    const began = performance.now();
    const glide = (now) => {
      const share = Math.min(Math.max((now - began) / GLIDE, 0), 1);
      const eased = share * share * (3 - 2 * share);
      this.#to(share < 1 ? from + (to - from) * eased : to);
      if (share < 1) this.frame = requestAnimationFrame(glide);
      else this.timer = setTimeout(() => this.#next(), REST);
    };
    this.frame = requestAnimationFrame(glide);
    return undefined;
  }

  #to(alpha) {
    this.own = alpha;
    this.alpha = alpha;
    this.moved(alpha, false);
  }

  /** Rests where it is, and the address says so. */
  stop() {
    if (!this.playing) return;
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.#say(false);
    if (this.alpha !== this.own) return; // whoever moved it says where
    this.moved(this.view.measuredAt(this.alpha) ? this.alpha : Math.round(this.alpha * 100) / 100, true);
  }

  #say(playing) {
    this.button.setAttribute("aria-pressed", String(playing));
    this.button.textContent = playing ? "❚❚" : "▶";
    this.button.title = `${playing ? "Pause" : "Play through the measured values"} (space)`;
  }
}
