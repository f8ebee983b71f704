/* The page of `chatd demo`: the same calls as the front end of the original. */
'use strict';

const PAGE = 15;
const at = (id) => document.getElementById(id);
const state = { user: null, rooms: new Map(), people: new Map(), open: null, socket: null };

async function call(path, json) {
    const options = json === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(json) };
    const answer = await fetch(path, options);
    const text = await answer.text();
    let body = text;
    try {
        body = JSON.parse(text);
    } catch {
        /* a bare text */
    }
    if (!answer.ok) throw new Error((body && body.message) || text || `Error ${answer.status}`);
    return body;
}

function element(tag, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
}

const plain = (name) => (Array.isArray(name) ? name[0] : name);
const nameOf = (names) => names.map(plain).find((name) => name !== state.user.username) ?? plain(names[0]);

/* ---- what is shown ---- */

function item(list, label, onClick) {
    const made = element('li');
    const button = element('button', label);
    button.type = 'button';
    button.addEventListener('click', onClick);
    made.append(button);
    list.append(made);
    return made;
}

function showLists() {
    at('rooms').replaceChildren();
    for (const room of [...state.rooms.values()].sort((a, b) => (a.id === '0' ? -1 : b.id === '0' ? 1 : a.name.localeCompare(b.name)))) {
        const made = item(at('rooms'), room.name, () => openRoom(room.id));
        if (room.id === state.open) made.setAttribute('aria-current', 'true');
        made.classList.toggle('news', Boolean(room.news));
    }
    at('people').replaceChildren();
    for (const one of [...state.people.values()].sort((a, b) => a.username.localeCompare(b.username))) {
        if (String(one.id) === String(state.user.id)) continue;
        const made = item(at('people'), one.username, () => talkTo(one.id));
        made.classList.toggle('online', Boolean(one.online));
    }
}

function bubble(message) {
    const own = String(message.from) === String(state.user.id);
    const made = element('li', undefined, own ? 'own' : '');
    if (!own) made.append(element('b', state.people.get(String(message.from))?.username ?? 'somebody'));
    made.append(message.message);
    const time = element('time', new Date(message.date * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
    made.append(time);
    return made;
}

function showMessages() {
    const room = state.rooms.get(state.open);
    at('title').textContent = room.name;
    at('more').hidden = !room.complete && room.messages.length >= PAGE ? false : true;
    at('messages').replaceChildren(...room.messages.map(bubble));
}

const toEnd = () => { at('log').scrollTop = at('log').scrollHeight; };

/* ---- people and rooms ---- */

async function learnNames(messages) {
    const unknown = [...new Set(messages.map((one) => String(one.from)))].filter((id) => !state.people.has(id));
    if (!unknown.length) return;
    const users = await call(`/users?${unknown.map((id) => `ids[]=${encodeURIComponent(id)}`).join('&')}`);
    for (const [id, user] of Object.entries(users)) state.people.set(id, user);
    showLists();
}

function addRoom({ id, names }) {
    if (!state.rooms.has(id)) {
        state.rooms.set(id, { id, name: nameOf(names), messages: [] });
        state.socket.emit('room.join', id);
    }
    return state.rooms.get(id);
}

async function loadMessages(room, offset) {
    const page = (await call(`/room/${encodeURIComponent(room.id)}/messages?offset=${offset}&size=${PAGE}`)).reverse();
    await learnNames(page);
    room.complete = page.length <= PAGE - 1;
    room.messages = offset ? [...page, ...room.messages] : page;
    room.loaded = true;
}

async function openRoom(id) {
    const room = state.rooms.get(id);
    state.open = id;
    room.news = false;
    at('chat').classList.add('talking');
    showLists();
    if (!room.loaded) await loadMessages(room, 0);
    if (state.open !== id) return;
    showMessages();
    toEnd();
}

async function talkTo(id) {
    const room = addRoom(await call('/room', { user1: state.user.id, user2: id }));
    await openRoom(room.id);
}

/* ---- events ---- */

function hear(socket) {
    socket.on('connect', () => { at('link').textContent = ''; });
    socket.on('disconnect', () => { at('link').textContent = 'Connecting…'; });
    const presence = (user) => {
        state.people.set(String(user.id), user);
        showLists();
    };
    socket.on('user.connected', presence);
    socket.on('user.disconnected', presence);
    socket.on('show.room', (room) => {
        addRoom(room);
        showLists();
    });
    socket.on('message', async (message) => {
        const room = state.rooms.get(message.roomId);
        if (!room) return;
        await learnNames([message]);
        if (room.loaded) room.messages.push(message);
        if (room.id === state.open) {
            at('messages').append(bubble(message));
            toEnd();
        } else {
            room.news = true;
            showLists();
        }
    });
}

/* ---- in and out ---- */

async function enter(user) {
    state.user = user;
    state.rooms.clear();
    state.people.clear();
    state.open = null;
    at('own').textContent = user.username;
    state.socket = window.io();
    hear(state.socket);
    const [online, rooms] = await Promise.all([call('/users/online'), call(`/rooms/${user.id}`)]);
    for (const [id, one] of Object.entries(online)) state.people.set(id, one);
    for (const room of rooms) addRoom(room);
    const partners = rooms.map((room) => room.id.split(':')).filter((ids) => ids.length === 2).flat();
    await learnNames(partners.map((from) => ({ from })));
    at('door').hidden = true;
    at('chat').hidden = false;
    await openRoom('0');
    if (window.matchMedia('(max-width: 40rem)').matches) at('chat').classList.remove('talking');
}

function leave() {
    if (state.socket) state.socket.disconnect();
    state.socket = null;
    state.user = null;
    at('chat').hidden = true;
    at('door').hidden = false;
    at('password').value = '';
    at('name').focus();
}

at('login').addEventListener('submit', async (event) => {
    event.preventDefault();
    at('refusal').hidden = true;
    try {
        await enter(await call('/login', { username: at('name').value.trim(), password: at('password').value }));
    } catch (error) {
        at('refusal').textContent = error.message;
        at('refusal').hidden = false;
    }
});

at('logout').addEventListener('click', async () => {
    await call('/logout', {}).catch(() => {});
    leave();
});

at('back').addEventListener('click', () => at('chat').classList.remove('talking'));

at('more').addEventListener('click', async () => {
    const room = state.rooms.get(state.open);
    await loadMessages(room, room.messages.length);
    showMessages();
    at('log').scrollTop = 0;
});

at('say').addEventListener('submit', (event) => {
    event.preventDefault();
    const message = at('text').value;
    if (!message.trim()) return;
    state.socket.emit('message', { roomId: state.open, message, from: state.user.id, date: Math.floor(Date.now() / 1000) });
    at('text').value = '';
});

call('/me').then((user) => (user ? enter(user) : leave()), leave);
