#include "chat/demo/password.h"

#include <crypt.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MOST_PASSWORD = 72,
    MOST_WAITING = 64,
    MOST_THREADS = 4,
    COST = 10,
    SALT_BYTES = 16,
};

typedef struct password_job {
    chat_work job; /* first: the crew is given its address */
    bool checks;
    char password[MOST_PASSWORD + 1];
    char given[CHAT_HASH_BYTES]; /* to compare with */
    char hash[CHAT_HASH_BYTES];
    int status;
    chat_password_cb *callback;
    void *data;
} password_job;

/* ---- on a thread ---- */

static bool run_crypt(char out[CHAT_HASH_BYTES], const char *password, const char *setting)
{
    struct crypt_data *memory = calloc(1, sizeof(*memory)); /* 32 KiB */
    bool done = false;

    if (memory == NULL)
        return false;
    const char *hash = crypt_rn(password, setting, memory, (int)sizeof(*memory));
    if (hash != NULL && strlen(hash) < CHAT_HASH_BYTES) {
        memcpy(out, hash, strlen(hash) + 1);
        done = true;
    }
    explicit_bzero(memory, sizeof(*memory));
    free(memory);
    return done;
}

static int make(password_job *job)
{
    char salt[SALT_BYTES], setting[CRYPT_GENSALT_OUTPUT_SIZE];

    if (uv_random(NULL, NULL, salt, sizeof(salt), 0, NULL) != 0 ||
        crypt_gensalt_rn("$2b$", COST, salt, sizeof(salt), setting, sizeof(setting)) == NULL)
        return EIO_E_RANDOM;
    return run_crypt(job->hash, job->password, setting) ? EIO_OK : EIO_E_NOMEM;
}

static int compare(password_job *job)
{
    unsigned difference = 0;

    if (!run_crypt(job->hash, job->password, job->given) || strlen(job->hash) != strlen(job->given))
        return EIO_E_AUTH;
    for (size_t i = 0; job->hash[i] != '\0'; i++)
        difference |= (unsigned char)(job->hash[i] ^ job->given[i]);
    return difference == 0 ? EIO_OK : EIO_E_AUTH;
}

static void work(struct chat_work_list *jobs, void *data)
{
    chat_work *one;

    (void)data;
    STAILQ_FOREACH(one, jobs, link) {
        password_job *job = (password_job *)one;
        job->status = job->checks ? compare(job) : make(job);
    }
}

/* ---- on the loop ---- */

static void finish(chat_work *one, void *data)
{
    password_job *job = (password_job *)one;

    (void)data;
    job->callback(job->status, job->hash, job->data);
    explicit_bzero(job, sizeof(*job));
    free(job);
}

int chat_password_crew(chat_crew **out)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const chat_crew_options options = {
        .threads = processors < 1              ? 1
                   : processors > MOST_THREADS ? MOST_THREADS
                                               : (size_t)processors,
        .most_jobs = MOST_WAITING,
        .most_bytes = SIZE_MAX,
        .batch = 1,
        .work = work,
    };

    return chat_crew_new(out, &options);
}

int chat_password_desk(chat_desk **out, chat_crew *crew, uv_loop_t *loop)
{
    return chat_desk_open(out, crew, loop, finish, NULL);
}

static int add(chat_desk *desk, eio_slice password, eio_slice hash, password_job *job)
{
    if (job == NULL)
        return EIO_E_NOMEM;
    size_t len = password.len < MOST_PASSWORD ? password.len : MOST_PASSWORD;
    memcpy(job->password, password.base, len);
    if (hash.len > 0)
        memcpy(job->given, hash.base, hash.len);
    int rc = chat_desk_add(desk, &job->job);
    if (rc != EIO_OK)
        free(job);
    return rc;
}

static password_job *job_new(bool checks, chat_password_cb *callback, void *data)
{
    password_job *job = calloc(1, sizeof(*job));

    if (job == NULL)
        return NULL;
    job->checks = checks;
    job->callback = callback;
    job->data = data;
    return job;
}

int chat_password_hash(chat_desk *desk, eio_slice password, chat_password_cb *callback, void *data)
{
    return add(desk, password, (eio_slice){ NULL, 0 }, job_new(false, callback, data));
}

static bool is_bcrypt(eio_slice hash)
{
    return hash.len > 4 && hash.len < CHAT_HASH_BYTES &&
           (memcmp(hash.base, "$2a$", 4) == 0 || memcmp(hash.base, "$2b$", 4) == 0 ||
            memcmp(hash.base, "$2y$", 4) == 0);
}

int chat_password_check(chat_desk *desk, eio_slice password, eio_slice hash,
                        chat_password_cb *callback, void *data)
{
    /* What is no hash of ours fails as a wrong password does, and takes as long. */
    static const char nobody[] = "$2b$10$abcdefghijklmnopqrstuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu";

    if (!is_bcrypt(hash))
        hash = (eio_slice){ nobody, sizeof(nobody) - 1 };
    return add(desk, password, hash, job_new(true, callback, data));
}
