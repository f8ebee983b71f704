#!/bin/sh
# make_certificates.sh FOLDER: the keys and certificates of the TLS tests, made for one build and worth nothing else.
#
# ca.pem has signed server.pem (localhost, *.wild.test, both loopback addresses); other.pem has signed itself.
set -eu
cd "$1"

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null; }

key ca
openssl req -x509 -new -key ca.key -subj '/CN=Test CA' -days 3650 -out ca.pem
key server
printf '%s\n' 'basicConstraints=CA:FALSE' \
    'subjectAltName=DNS:localhost,DNS:*.wild.test,IP:127.0.0.1,IP:::1' >server.extensions
openssl req -new -key server.key -subj '/CN=server' -out server.request
openssl x509 -req -in server.request -CA ca.pem -CAkey ca.key -set_serial 2 -days 3650 \
    -extfile server.extensions -out server.pem 2>/dev/null
key other
openssl req -x509 -new -key other.key -subj '/CN=other.test' -addext 'subjectAltName=DNS:other.test' \
    -days 3650 -out other.pem
rm -f ca.key server.extensions server.request
