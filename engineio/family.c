#include "engineio/family.h"

#include "engineio/server.h"

void eio_server_set_family(eio_server *server, const eio_family *family, void *data)
{
    server->family = family;
    server->family_data = data;
}

const char *eio_server_path(const eio_server *server)
{
    return server->path;
}
