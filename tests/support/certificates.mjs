/* A CA of our own and certificates of it, made by openssl in a folder that lives as long as the test. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export class Authority {
    constructor(name = 'Test CA') {
        this.folder = mkdtempSync(path.join(os.tmpdir(), 'sio-tls-'));
        this.key('ca');
        this.openssl('req', '-x509', '-new', '-key', this.file('ca.key'), '-subj', `/CN=${name}`, '-days', '2', '-out', this.file('ca.pem'));
    }

    file(name) {
        return path.join(this.folder, name);
    }

    read(name) {
        return readFileSync(this.file(name));
    }

    get ca() {
        return this.read('ca.pem');
    }

    openssl(...args) {
        return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    }

    key(name, kind = 'ec') {
        const of = kind === 'ec' ? ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'];

        this.openssl('genpkey', ...of, '-out', this.file(`${name}.key`));
    }

    /* NAME.pem and NAME.key; names: of hosts, addresses with IP: before them. */
    issue(name, names = [], { kind = 'ec', days = 2, cn = name } = {}) {
        const list = names.map((each) => (each.startsWith('IP:') ? each : `DNS:${each}`)).join(',');
        const serial = `0x${Date.now().toString(16)}${Math.floor(Math.random() * 1e6).toString(16)}`;

        this.key(`${name}.new`, kind);
        writeFileSync(this.file('extensions'), list ? `subjectAltName=${list}\n` : 'basicConstraints=CA:FALSE\n');
        this.openssl('req', '-new', '-key', this.file(`${name}.new.key`), '-subj', `/CN=${cn}`, '-out', this.file('request'));
        this.openssl(
            'x509', '-req', '-in', this.file('request'), '-CA', this.file('ca.pem'), '-CAkey', this.file('ca.key'),
            '-set_serial', serial, '-days', String(days), '-extfile', this.file('extensions'), '-out', this.file(`${name}.new.pem`),
        );
        renameSync(this.file(`${name}.new.pem`), this.file(`${name}.pem`));
        renameSync(this.file(`${name}.new.key`), this.file(`${name}.key`));
        return { cert: this.read(`${name}.pem`), key: this.read(`${name}.key`) };
    }

    /* Options of the testbed for the certificate of this name. */
    options(name = 'localhost') {
        return { tlsCert: this.file(`${name}.pem`), tlsKey: this.file(`${name}.key`) };
    }

    remove() {
        rmSync(this.folder, { recursive: true, force: true });
    }
}
