#include "chat/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat/options_table.h"
#include "chat/profile.h"

/* ---- help ---- */

static const char option_rules[] =
    "\n"
    "Options, each with its environment variable; an option wins over the environment:\n";

static const char common_end[] =
    "In a URL a password is percent-encoded: @ is %40, : is %3A, / is %2F.\n"
    "SIGTERM and SIGINT end it in order; a second signal ends it at once; SIGHUP loads the TLS\n"
    "certificate and key again, and disturbs no connection. Sockets that systemd\n"
    "passes (LISTEN_FDS) are listened on in place of --host and --port.\n";

enum { INDENT = 27, MOST_COLUMNS = 100 };

/* Default and variable, behind the text if the line has room for them. */
static void print_end(FILE *out, const chat_option_place *place, size_t column)
{
    const char *fallback = place->fallback, *environment = place->option->environment;
    char end[200] = "";
    size_t len = 0;

    if (fallback != NULL && fallback[0] != '\0')
        len = (size_t)snprintf(end, sizeof(end), " (default: %s)", fallback);
    if (environment != NULL && place->option->name != NULL)
        (void)snprintf(end + len, sizeof(end) - len, " [%s]", environment);
    if (column + strlen(end) > MOST_COLUMNS)
        (void)fprintf(out, "\n%*s%s\n", INDENT, "", end + 1);
    else
        (void)fprintf(out, "%s\n", end);
}

/* The text of an option, its further lines under the first. */
static void print_option(FILE *out, const chat_option_place *place)
{
    const chat_option *option = place->option;
    size_t column = INDENT;
    char name[60];

    if (option->name == NULL)
        (void)snprintf(name, sizeof(name), "%s", option->environment);
    else
        (void)snprintf(name, sizeof(name), "--%s%s%s", option->name,
                       option->argument == NULL ? "" : " ",
                       option->argument == NULL ? "" : option->argument);
    (void)fprintf(out, "  %-24s ", name);
    for (const char *at = option->text; *at != '\0'; at++, column++) {
        (void)fputc(*at, out);
        if (*at != '\n')
            continue;
        (void)fprintf(out, "%*s", INDENT, "");
        column = INDENT - 1;
    }
    print_end(out, place, column);
}

static void print_profiles(FILE *out, const chat_profile *chosen)
{
    (void)fputs(
        "Usage: chatd [PROFILE] [options]\n\nChat servers for front ends that are there already. "
        "A profile is one chat system:\n\n",
        out);
    for (size_t i = 0; chat_profiles[i] != NULL; i++)
        (void)fprintf(out, "  %-24s %s%s\n", chat_profiles[i]->name, chat_profiles[i]->summary,
                      i == 0 ? " (the default)" : "");
    (void)fprintf(
        out,
        "\n`chatd PROFILE --help` has the options of each. What follows is for `chatd %s`.\n\n",
        chosen->name);
}

char *chat_options_help(const chat_options *options)
{
    const chat_profile *profile = options->profile;
    chat_option_place place;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return NULL;
    if (options->names_profile)
        (void)fprintf(out, "Usage: chatd %s [options]\n\n", profile->name);
    else
        print_profiles(out, profile);
    (void)fputs(profile->usage, out);
    (void)fputs(option_rules, out);
    for (size_t i = 0; chat_options_at(options, i, &place); i++)
        print_option(out, &place);
    (void)fprintf(out, "\nExamples:\n%s\n", profile->examples);
    if ((profile->takes & CHAT_TAKES_STORE) != 0)
        (void)fprintf(out,
                      "SQLite's file is %s.db in $STATE_DIRECTORY, else in "
                      "${XDG_STATE_HOME:-~/.local/state}/chatd.\n",
                      profile->name);
    (void)fputs(common_end, out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- the line at the start ---- */

/* `name=value`, as --max-rooms is max_rooms there. A URL of Redis may hold a password: the store says where it is. */
static void print_value(FILE *out, const chat_options *options, const chat_option_place *place)
{
    const char *text = NULL;
    char value[CHAT_LOG_VALUE_BYTES];
    long number = 0;
    bool flag = false;

    switch (place->option->kind) {
    case CHAT_OPTION_NUMBER:
    case CHAT_OPTION_WORKERS:
        memcpy(&number, place->value, sizeof(number));
        (void)snprintf(value, sizeof(value), "%ld", number);
        break;
    case CHAT_OPTION_TEXT:
        memcpy(&text, place->value, sizeof(text));
        if (text == NULL || text[0] == '\0')
            return;
        (void)chat_log_value(value, eio_slice_of(text));
        break;
    case CHAT_OPTION_SECRET:
        memcpy(&text, place->value, sizeof(text));
        (void)snprintf(value, sizeof(value), "%s", text == NULL ? "no" : "set");
        break;
    case CHAT_OPTION_FLAG:
        memcpy(&flag, place->value, sizeof(flag));
        (void)snprintf(value, sizeof(value), "%s", flag ? "yes" : "no");
        break;
    case CHAT_OPTION_ORIGINS:
        (void)snprintf(value, sizeof(value), "%zu", options->origin_count);
        break;
    case CHAT_OPTION_STORE:
    case CHAT_OPTION_REDIS:
    case CHAT_OPTION_LEVEL:
    case CHAT_OPTION_HELP:
    case CHAT_OPTION_VERSION: return;
    }
    (void)fputc(' ', out);
    for (const char *at = place->option->name == NULL ? place->option->environment
                                                      : place->option->name;
         *at != '\0'; at++)
        (void)fputc(*at == '-' ? '_' : *at, out);
    (void)fprintf(out, "=%s", value);
}

void chat_options_log(const chat_options *options, const char *store)
{
    char where[CHAT_LOG_VALUE_BYTES], *text = NULL;
    chat_option_place place;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return;
    (void)fprintf(out, "profile=%s", options->profile->name);
    if (store != NULL)
        (void)fprintf(out, " store=%s", chat_log_value(where, eio_slice_of(store)));
    for (size_t i = 0; chat_options_at(options, i, &place); i++)
        print_value(out, options, &place);
    if (fclose(out) == 0)
        chat_log(CHAT_LOG_INFO, "config", "%s", text);
    free(text);
}
