#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "chat/options.h"
#include "chat/paths.h"
#include "chat/server.h"

static int fail(const eio_error *why)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s\n", why->text);
    return EXIT_FAILURE;
}

static int show_help(const chat_options *options)
{
    char *text = chat_options_help(options);

    if (text == NULL)
        return EXIT_FAILURE;
    (void)fputs(text, stdout);
    free(text);
    return EXIT_SUCCESS;
}

/* Each client is a descriptor: take as many as we may have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char *argv[])
{
    static chat_options options;
    eio_error why = { 0 };

    /* Who reads the log through a pipe reads it as it happens. */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (chat_options_read(&options, argc, argv, getenv, &why) != EIO_OK)
        return fail(&why);
    if (options.show_help)
        return show_help(&options);
    if (options.show_version) {
        printf("chatd %s\n", CHAT_VERSION);
        return EXIT_SUCCESS;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    return chat_server_run(&options, &why) == EIO_OK ? EXIT_SUCCESS : fail(&why);
}
