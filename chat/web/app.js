/*
 * The page of chatd's rooms profile: one room at a time, over an unmodified socket.io-client.
 *
 * An error event names no request, but a server answers one connection in the order it asked. So every
 * request waits in `asked`, and an answer belongs to the first that it fits. Nothing is ever emitted while
 * the connection is down: what should be said then stays in `outbox` and is sent after joining again.
 */
'use strict';

(() => {
    const SHOWN_AT_MOST = 2000; /* older lines leave the page, so that a long talk stays quick */
    const HISTORY = 1000;
    const HISTORY_PATIENCE_MS = 6000;
    const GROUP_MS = 5 * 60 * 1000;
    const RETRY_MS = 1000;
    const NAME_PATIENCE_MS = 60000; /* a lost connection keeps its name until its heartbeat fails */
    const RELOAD_PATIENCE_MS = 4000;
    const TEXT_LIMIT_BYTES = 65536;
    const TAKEN = /^Username already exists|^User creation failed/;
    const UNKNOWN_ROOM = 'Room does not exist.';
    const KNOWN_ROOM = /^Room already exist|^Room creation failed/;
    const UNAVAILABLE = 'Service unavailable.';

    const find = (id) => document.getElementById(id);
    const make = (tag, className, text) => {
        const element = document.createElement(tag);
        if (className) element.className = className;
        if (text !== undefined) element.textContent = text;
        return element;
    };
    const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
    const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
    const bytes = (text) => new TextEncoder().encode(text).length;
    /* A message need not be text; history then has it as JSON, and so it is shown. */
    const textOf = ({ message }) => (typeof message === 'string' ? message : JSON.stringify(message) || '');

    /* --- what is remembered: this tab's room and name, and the room in the address as an invitation --- */

    const remembered = () => {
        try {
            return JSON.parse(sessionStorage.getItem('rooms')) || {};
        } catch {
            return {};
        }
    };
    const remember = (values) => {
        try {
            sessionStorage.setItem('rooms', JSON.stringify(values));
        } catch {
            /* storage may be forbidden; then a reload asks again */
        }
    };
    const roomInAddress = () => {
        try {
            return decodeURIComponent(location.hash.slice(1));
        } catch {
            return '';
        }
    };

    /* --- state --- */

    let here = null;      /* {roomId, username} while in a room or joining one */
    let phase = 'entry';  /* entry | joining | syncing | room */
    let quiet = false;    /* joining by itself, after a reload or a lost connection */
    let retryUntil = 0;
    let retryTimer = 0;
    let historyTimer = 0;
    let asked = [];       /* {event, payload, message?} in order of asking */
    let outbox = [];      /* own messages not yet confirmed, in order of writing */
    let said = [];        /* {username, message} confirmed, as the server ordered them */
    let held = [];        /* what was heard while history was on its way */
    let people = new Map(); /* name -> true: here; false: seen earlier */

    /* --- connection --- */

    const status = (state, text) => {
        document.querySelector('.status').dataset.state = state;
        if (find('status-text').textContent !== text) find('status-text').textContent = text;
    };

    if (typeof window.io !== 'function') {
        status('offline', 'The server did not send its client script. Reload to try again.');
        return;
    }
    const socket = window.io({
        path: new URL('socket.io/', document.baseURI).pathname,
        reconnectionDelay: 500,
        reconnectionDelayMax: 4000,
    });

    const showTransport = () => {
        const engine = socket.connected && socket.io.engine;
        find('transport').textContent = engine ? engine.transport.name : '';
    };
    const showConnection = () => {
        showTransport();
        if (!socket.connected) return;
        if (here && phase !== 'room' && quiet) status('connecting', 'Connected, going back into the room…');
        else status('online', 'Connected');
    };

    socket.on('connect', () => {
        showConnection();
        socket.io.engine.once('upgrade', showTransport);
        if (!here && socket.recovered) socket.disconnect().connect(); /* left while offline */
        if (!here) return;
        if (phase === 'joining' && !quiet) return ask(here.wish, here);
        if (socket.recovered) return askHistory();
        rejoin(find('chat').hidden ? RELOAD_PATIENCE_MS : NAME_PATIENCE_MS);
    });
    socket.on('disconnect', (reason) => {
        asked = [];
        clearTimeout(retryTimer);
        clearTimeout(historyTimer);
        showTransport();
        status('offline', 'Connection lost. Reconnecting…');
        if (reason === 'io server disconnect') setTimeout(() => socket.connect(), RETRY_MS);
        find('leave').disabled = false;
        for (const message of outbox) markMessage(message);
    });
    socket.on('connect_error', () => {
        if (!socket.active) setTimeout(() => socket.connect(), RETRY_MS);
        if (!socket.connected) status('offline', here ? 'Reconnecting…' : 'The server cannot be reached. Trying again…');
    });
    socket.io.on('reconnect_attempt', (attempt) => status('connecting', `Reconnecting… (attempt ${attempt})`));
    addEventListener('online', () => socket.connected || socket.disconnect().connect());

    /* --- asking and being answered --- */

    function ask(event, { roomId, username }, extra) {
        const payload = { roomId };
        if (event !== 'list:chat') payload.username = username;
        if (event === 'list:chat') payload.limit = HISTORY;
        const request = { event, payload };
        if (extra) {
            payload.message = extra.text;
            request.message = extra;
        }
        asked.push(request);
        socket.emit(event, payload);
    }

    /* What was asked before an answered request and is still open will never be answered. */
    function answered(event, payload) {
        const at = asked.findIndex((request) =>
            request.event === event && request.payload.roomId === payload.roomId &&
            request.payload.username === payload.username && request.payload.message === payload.message);
        if (at < 0) return null;
        return asked.splice(0, at + 1).pop();
    }

    const inRoom = (payload) => payload && here && phase !== 'entry' && payload.roomId === here.roomId;

    socket.on('create:room:success', (payload) => {
        if (inRoom(payload) && answered('create:room', payload)) entered();
    });
    socket.on('add:member:success', (payload) => {
        if (!inRoom(payload)) return;
        if (payload.username === here.username) {
            if (answered('add:member', payload)) entered();
            return;
        }
        if (people.get(payload.username) !== true) addLine('event', `${payload.username} joined`);
        meet(payload.username, true);
    });
    socket.on('remove:member:success', (payload) => {
        if (!inRoom(payload)) return;
        if (payload.username === here.username) {
            const own = answered('remove:member', payload);
            return goOut(own ? '' : `You are no longer in “${here.roomId}”. Join again if you like.`);
        }
        if (people.delete(payload.username)) {
            addLine('event', `${payload.username} left`);
            showPeople();
        }
    });
    socket.on('create:chat:success', (payload) => {
        if (!inRoom(payload)) return;
        if (phase === 'syncing') held.push(payload);
        else heard(payload);
    });
    socket.on('list:chat:success', (payload) => {
        if (!inRoom(payload) || !answered('list:chat', { roomId: payload.roomId })) return;
        if (phase === 'syncing') synced(payload.chats);
    });
    socket.on('error', (payload) => {
        const text = (payload && payload.message) || 'The server refused this.';
        const request = asked.shift();
        if (!request) return notice(text);
        refused[request.event](text, request);
    });

    const refused = {
        'create:room': (text) => (quiet ? retryJoin(text) : showEntry(text, 'create:room')),
        'add:member': (text) => (quiet ? retryJoin(text) : showEntry(text, 'add:member')),
        'remove:member': (text) => {
            find('leave').disabled = false;
            notice(`You are still in the room: ${text}`);
        },
        'create:chat': (text, request) => {
            request.message.error = text;
            markMessage(request.message);
        },
        'list:chat': (text) => {
            if (phase === 'syncing') synced(null, text);
        },
    };

    /* --- joining, joining again, leaving --- */

    function join(wish, roomId, username) {
        here = { roomId, username, wish };
        phase = 'joining';
        quiet = false;
        setBusy(true, wish);
        if (socket.connected) ask(wish, here);
    }

    function rejoin(patience) {
        quiet = true;
        phase = 'joining';
        retryUntil = Date.now() + patience;
        showConnection();
        ask('add:member', here);
    }

    function retryJoin(text) {
        if (text === UNKNOWN_ROOM && said.length + outbox.length > 0) {
            /* A server that keeps rooms in memory came back empty: go on where the talk was. */
            return ask('create:room', here);
        }
        const lasting = text === UNAVAILABLE || KNOWN_ROOM.test(text);
        if (!lasting && !(TAKEN.test(text) && Date.now() < retryUntil)) return showEntry(text, 'add:member');
        status('connecting', text === UNAVAILABLE ? 'The server cannot reach its store. Trying again…'
            : 'Your name is still held by the lost connection. Trying again…');
        retryTimer = setTimeout(() => ask('add:member', here), RETRY_MS);
    }

    function entered() {
        const first = find('chat').hidden;
        remember({ roomId: here.roomId, username: here.username, joined: true });
        const hash = '#' + encodeURIComponent(here.roomId);
        if (location.hash !== hash) history.replaceState(null, '', hash);
        for (const name of people.keys()) people.set(name, false);
        meet(here.username, true);
        showRoom();
        if (!first) addLine('event', 'You are back');
        askHistory();
    }

    function askHistory() {
        phase = 'syncing';
        held = [];
        ask('list:chat', here);
        historyTimer = setTimeout(() => phase === 'syncing' && synced(null, ''), HISTORY_PATIENCE_MS);
    }

    /* How many entries at the start of `next` are the end of `known`: what must not be shown twice. */
    function overlap(known, next) {
        const same = (a, b) => a.username === b.username && textOf(a) === textOf(b);
        for (let count = Math.min(known.length, next.length); count > 0; count--) {
            let at = 0;
            while (at < count && same(known[known.length - count + at], next[at])) at++;
            if (at === count) return count;
        }
        return 0;
    }

    function synced(chats, failure) {
        clearTimeout(historyTimer);
        phase = 'room';
        quiet = false;
        const fresh = said.length === 0;
        const log = find('log');
        log.setAttribute('aria-live', 'off'); /* a whole history read out loud helps nobody */
        if (chats) {
            const older = chats.slice(overlap(said, chats));
            if (fresh && older.length) addLine('rule', 'Earlier in this room');
            for (const chat of older) heard(chat, true);
            held = held.slice(overlap(chats, held));
        } else {
            addLine('event', `Earlier messages could not be fetched. ${failure}`);
        }
        if (fresh) addLine('rule', `You came in at ${clock.format(new Date())}`);
        for (const chat of held) heard(chat);
        held = [];
        for (const message of outbox.filter((one) => !one.error)) {
            ask('create:chat', here, message);
            markMessage(message);
        }
        showConnection();
        setTimeout(() => log.setAttribute('aria-live', 'polite'), 500);
    }

    function goOut(text) {
        remember({ roomId: here.roomId, username: here.username, joined: false });
        asked = [];
        showEntry(text);
    }

    function leave() {
        if (!socket.connected || phase !== 'room') {
            /* Whoever is not in the room any more has nobody to tell: the server lets the name go by itself. */
            goOut('');
            if (socket.connected) socket.disconnect().connect();
            return;
        }
        find('leave').disabled = true;
        ask('remove:member', here);
    }

    /* --- the entry --- */

    function fieldError(field, text) {
        find(`${field}-error`).textContent = text;
        if (field === 'form') return;
        if (text) find(field).setAttribute('aria-invalid', 'true');
        else find(field).removeAttribute('aria-invalid');
    }

    function clearErrors() {
        for (const field of ['username', 'room', 'form']) fieldError(field, '');
        find('other-way').hidden = true;
        find('entry-notice').hidden = true;
    }

    function setBusy(busy, wish) {
        for (const id of ['join', 'create']) find(id).disabled = busy;
        find('join').textContent = busy && wish === 'add:member' ? 'Joining…' : 'Join room';
        find('create').textContent = busy && wish === 'create:room' ? 'Making it…' : 'Make a new room';
    }

    /* An error goes to the field it speaks of; where the other button is the way on, it is offered there. */
    function placeError(text, wish) {
        const ofRoom = /^room|room ?id/i.test(text);
        const field = /^user|user ?name/i.test(text) ? 'username' : ofRoom ? 'room' : 'form';
        fieldError(field, text);
        if (field !== 'form') find(field).focus();
        const other = find('other-way');
        const unknown = text === UNKNOWN_ROOM;
        other.hidden = !unknown && !(KNOWN_ROOM.test(text) && wish === 'create:room');
        other.textContent = unknown ? 'Make this room' : 'Join it instead';
        other.value = unknown ? 'create' : 'join';
    }

    /* Back to the form, filled in; with `wish`, the text is the error that this wish met. */
    function showEntry(text, wish) {
        clearTimeout(retryTimer);
        clearTimeout(historyTimer);
        clearLog();
        find('username').value = here.username;
        find('room').value = (!wish && roomInAddress()) || here.roomId;
        phase = 'entry';
        here = null;
        quiet = false;
        said = [];
        outbox = [];
        held = [];
        people = new Map();
        find('chat').hidden = true;
        find('entry').hidden = false;
        document.title = 'Rooms';
        find('whoami').textContent = '';
        setBusy(false);
        clearErrors();
        showConnection();
        if (wish) {
            remember({ ...remembered(), joined: false });
            return placeError(text, wish);
        }
        find('entry-notice').textContent = text || '';
        find('entry-notice').hidden = !text;
        find('room').focus();
    }

    find('entry-form').addEventListener('submit', (event) => {
        event.preventDefault();
        if (phase === 'joining') return;
        clearErrors();
        const username = find('username').value.trim();
        const roomId = find('room').value.trim();
        if (!roomId) fieldError('room', 'Enter the name of a room.');
        if (!username) fieldError('username', 'Enter a name for yourself.');
        if (!username || !roomId) return find(username ? 'room' : 'username').focus();
        const create = event.submitter && event.submitter.value === 'create';
        join(create ? 'create:room' : 'add:member', roomId, username);
    });
    find('other-way').addEventListener('click', (event) => {
        find('entry-form').requestSubmit(find(event.currentTarget.value));
    });
    for (const field of ['username', 'room']) find(field).addEventListener('input', () => fieldError(field, ''));

    /* --- the room --- */

    function notice(text) {
        const place = find(here && !find('chat').hidden ? 'room-notice' : 'entry-notice');
        place.textContent = text;
        place.hidden = !text;
    }

    function showRoom() {
        const first = find('chat').hidden;
        setBusy(false);
        clearErrors();
        notice('');
        find('entry').hidden = true;
        find('chat').hidden = false;
        find('leave').disabled = false;
        find('room-title').textContent = here.roomId;
        find('whoami').textContent = `You are ${here.username}`;
        document.title = here.roomId;
        if (first) find('message').focus();
        showPeople();
    }

    /* The same name has the same colour on every page. */
    function hue(name) {
        let sum = 0;
        for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
        return sum % 8;
    }
    function avatar(name) {
        const words = name.split(/[\s._-]+/).filter(Boolean);
        const letters = (words.length > 1 ? [words[0], words[words.length - 1]] : [words[0] || name])
            .map((word) => [...word][0]).join('').toUpperCase();
        const disc = make('span', `avatar hue-${hue(name)}`, letters);
        disc.setAttribute('aria-hidden', 'true');
        return disc;
    }

    let peopleDrawn = 0;
    function meet(name, present) {
        if (people.get(name) === true || people.get(name) === present) return;
        people.set(name, present);
        showPeople();
    }
    function showPeople() {
        if (!peopleDrawn) peopleDrawn = setTimeout(drawPeople, 0);
    }
    function drawPeople() {
        peopleDrawn = 0;
        if (!here) return;
        const names = [...people.keys()].sort((a, b) => a.localeCompare(b));
        const row = (name) => {
            const item = make('li', 'person');
            item.append(avatar(name), make('span', 'person-name', name));
            if (name === here.username) item.append(make('span', 'you', 'you'));
            return item;
        };
        const present = names.filter((name) => people.get(name));
        const earlier = names.filter((name) => !people.get(name));
        find('members-here').replaceChildren(...present.map(row));
        find('members-earlier').replaceChildren(...earlier.map(row));
        find('members-before').hidden = earlier.length === 0;
        find('members-alone').hidden = present.length > 1;
        find('members-count').textContent = present.length;
        find('room-sub').textContent = present.length === 1 ? 'Nobody else seen yet' : `${present.length} people seen here`;
    }

    /* --- the conversation --- */

    let waiting = [];     /* lines made but not yet on the page: one layout for a burst */
    let drawTimer = 0;
    let last = null;      /* {username, time, past} of the message drawn last, with no other line after it */
    let lastDay = '';
    let unseen = 0;
    let following = true; /* the reader is at the end, and stays there while lines come or grow */
    let restingAt = 0;
    const scroller = find('scroller');

    const atBottom = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 48;
    const toBottom = () => {
        following = true;
        scroller.scrollTop = scroller.scrollHeight;
        restingAt = scroller.scrollTop;
    };
    /* Asked whenever it matters: the event of a scroll comes a frame late. Only who moves up stops following. */
    const isFollowing = () => {
        if (atBottom()) following = true;
        else if (scroller.scrollTop < restingAt) following = false;
        return following;
    };
    /* Lines out of sight have an estimated height only (content-visibility): they grow when they come near. */
    const sizes = new ResizeObserver(() => isFollowing() && toBottom());
    sizes.observe(scroller);
    sizes.observe(find('log'));

    function addLine(kind, text) {
        last = null;
        const time = kind === 'event' ? ` · ${clock.format(new Date())}` : '';
        draw(make('p', `line ${kind}`, text + time));
    }

    function draw(item, counts) {
        waiting.push(item);
        if (counts) unseen++;
        if (!drawTimer) drawTimer = setTimeout(drawAll, 0);
    }

    function drawAll() {
        const log = find('log');
        const follow = isFollowing();
        drawTimer = 0;
        log.append(...waiting.splice(0));
        while (log.childElementCount > SHOWN_AT_MOST) log.firstElementChild.remove();
        if (log.querySelector('.message')) find('empty').hidden = true;
        if (follow) toBottom();
        showUnseen();
    }

    function showUnseen() {
        if (!document.hidden && following) unseen = 0;
        find('jump').hidden = unseen === 0 || following;
        find('jump').textContent = unseen === 1 ? '1 new message ↓' : `${unseen} new messages ↓`;
        if (here) document.title = unseen && document.hidden ? `(${unseen}) ${here.roomId}` : here.roomId;
    }

    function clearLog() {
        waiting = [];
        last = null;
        unseen = 0;
        following = true;
        restingAt = 0;
        find('log').replaceChildren();
        find('empty').hidden = false;
        find('jump').hidden = true;
    }

    /* Arrival is all a page knows of a message's time; what came before this page has none. */
    function messageItem(chat, past) {
        const now = new Date();
        const day = calendar.format(now);
        const own = chat.username === here.username;
        if (!past && lastDay && lastDay !== day) addLine('rule', day);
        if (!past) lastDay = day;
        const follows = last && last.username === chat.username && last.past === Boolean(past) && now - last.time < GROUP_MS;
        last = { username: chat.username, time: now, past: Boolean(past) };

        const item = make('div', `message${own ? ' own' : ''}${follows ? ' follows' : ''}`);
        const head = make('p', 'head');
        head.append(make('span', 'author', own ? 'You' : chat.username));
        if (!past) {
            const time = make('time', 'time', clock.format(now));
            time.dateTime = now.toISOString();
            head.append(time);
        }
        if (follows) head.classList.add('visually-hidden');
        const body = make('p', 'bubble', textOf(chat));
        body.dir = 'auto';
        item.append(own ? '' : follows ? make('span', 'avatar-gap') : avatar(chat.username), head, body);
        return item;
    }

    function heard(chat, past) {
        said.push({ username: chat.username, message: textOf(chat) });
        if (said.length > 2 * HISTORY) said = said.slice(-HISTORY);
        if (chat.username === here.username) {
            if (!past) answered('create:chat', chat);
            const mine = outbox.filter((message) => message.text === chat.message);
            const message = mine.find((one) => !one.error) || mine[0];
            if (message) {
                outbox = outbox.filter((one) => one !== message);
                message.error = '';
                message.state = 'sent';
                return markMessage(message);
            }
        } else {
            meet(chat.username, !past);
        }
        draw(messageItem(chat, past), chat.username !== here.username && !past);
    }

    function say(text) {
        const message = { text, error: '', state: 'waiting' };
        message.item = messageItem({ username: here.username, message: text });
        outbox.push(message);
        draw(message.item);
        unseen = 0;
        toBottom();
        if (phase === 'room' && socket.connected) ask('create:chat', here, message);
        markMessage(message);
    }

    /* A message that failed says so itself, with the ways on beside it. */
    function markMessage(message) {
        const old = message.item.querySelector('.fate');
        if (old) old.remove();
        message.item.classList.toggle('failed', Boolean(message.error));
        message.item.classList.toggle('waiting', message.state !== 'sent' && !message.error);
        if (message.state === 'sent' || (!message.error && socket.connected)) return;
        const fate = make('p', 'fate');
        if (!message.error) {
            fate.textContent = 'Waiting for the connection';
        } else {
            fate.setAttribute('role', 'alert');
            const again = make('button', 'link-button', 'Try again');
            const discard = make('button', 'link-button', 'Discard');
            again.type = discard.type = 'button';
            again.addEventListener('click', () => resend(message));
            discard.addEventListener('click', () => {
                outbox = outbox.filter((other) => other !== message);
                message.item.remove();
                find('message').focus();
            });
            fate.append(`Not sent. ${message.error} `, again, ' ', discard);
        }
        message.item.append(fate);
    }

    function resend(message) {
        message.error = '';
        outbox = outbox.filter((other) => other !== message).concat(message);
        if (phase === 'room' && socket.connected) ask('create:chat', here, message);
        markMessage(message);
        find('message').focus();
    }

    /* --- composer and buttons --- */

    const box = find('message');
    const fit = () => {
        box.style.height = 'auto';
        box.style.height = `${box.scrollHeight + 2}px`;
    };

    find('composer').addEventListener('submit', (event) => {
        event.preventDefault();
        const text = box.value.replace(/\s+$/, '');
        if (!text.trim() || !here) return box.focus();
        if (bytes(text) > TEXT_LIMIT_BYTES) {
            find('composer-error').textContent =
                `This is ${Math.ceil(bytes(text) / 1024)} KiB long; a message may have 64.`;
            return box.focus();
        }
        find('composer-error').textContent = '';
        box.value = '';
        fit();
        say(text);
        box.focus();
    });
    box.addEventListener('keydown', (event) => {
        if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        find('composer').requestSubmit();
    });
    box.addEventListener('input', () => {
        find('composer-error').textContent = '';
        fit();
    });

    find('leave').addEventListener('click', leave);
    find('jump').addEventListener('click', () => {
        toBottom();
        box.focus();
    });
    scroller.addEventListener('scroll', () => {
        isFollowing();
        showUnseen();
    }, { passive: true });
    document.addEventListener('visibilitychange', showUnseen);
    addEventListener('resize', () => phase !== 'entry' && fit());

    find('invite').addEventListener('click', async () => {
        const label = find('invite').querySelector('.button-text');
        try {
            await navigator.clipboard.writeText(location.href);
            label.textContent = 'Copied';
            setTimeout(() => (label.textContent = 'Copy link'), 2000);
        } catch {
            notice(`The link to this room: ${location.href}`);
        }
    });

    function showMembers(open) {
        find('chat').classList.toggle('members-open', open);
        find('members-toggle').setAttribute('aria-expanded', String(open));
        find(open ? 'members-close' : 'members-toggle').focus();
    }
    find('members-toggle').addEventListener('click', () => showMembers(!find('chat').classList.contains('members-open')));
    find('members-close').addEventListener('click', () => showMembers(false));
    find('members').addEventListener('keydown', (event) => event.key === 'Escape' && showMembers(false));

    addEventListener('hashchange', () => {
        const roomId = roomInAddress();
        if (!here || phase === 'entry') {
            if (roomId) find('room').value = roomId;
        } else if (roomId && roomId !== here.roomId) {
            leave();
        }
    });

    /* --- start: back into the room this tab was in, else the form, filled in from the link --- */

    const past = remembered();
    const invited = roomInAddress();
    if (past.joined && past.roomId && past.username && (!invited || invited === past.roomId)) {
        here = { roomId: past.roomId, username: past.username };
        quiet = true;
        find('username').value = past.username;
        find('room').value = past.roomId;
        setBusy(true, 'add:member');
        find('join').textContent = 'Going back in…';
    } else {
        find('username').value = past.username || '';
        find('room').value = invited || '';
        if (invited) find('entry-lead').textContent = `You were invited to “${invited}”. What is your name?`;
        find('username').focus();
    }
})();
