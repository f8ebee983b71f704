/* Waiting for things that must happen, each with an end. */

export const PATIENCE_MS = 8000;

/* The promise, or a failure that names what was waited for. */
export function within(promise, what, limit = PATIENCE_MS) {
    let timer;
    const expiry = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`waited ${limit} ms for ${what}`)), limit);
    });

    return Promise.race([promise, expiry]).finally(() => clearTimeout(timer));
}

/* The arguments of the emitter's next such event. */
export function happens(emitter, event, limit = PATIENCE_MS) {
    return within(new Promise((resolve) => emitter.once(event, (...args) => resolve(args))), `event ${event}`, limit);
}

/* The first `count` events of this name, each as its arguments. */
export function collect(emitter, event, count, limit = PATIENCE_MS) {
    const seen = [];
    const all = new Promise((resolve) => {
        const note = (...args) => {
            seen.push(args);
            if (seen.length < count) return;
            emitter.off(event, note);
            resolve(seen);
        };

        emitter.on(event, note);
    });

    return within(all, `${count} events ${event}`, limit);
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* Asks again until the answer is true: for what another process does and does not announce. */
export async function eventually(ask, what, limit = PATIENCE_MS) {
    const end = performance.now() + limit;

    for (;;) {
        if (await ask()) return;
        if (performance.now() > end) throw new Error(`waited ${limit} ms for ${what}`);
        await pause(10);
    }
}
