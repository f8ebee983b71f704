#include "chat/store/process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A child's identity, as the child itself gives it; it then waits to be killed. */
static pid_t start_child(char identity[CHAT_PROCESS_BYTES])
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        chat_process_identify(identity);
        if (write(ends[1], identity, CHAT_PROCESS_BYTES) != CHAT_PROCESS_BYTES)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ends[0], identity, CHAT_PROCESS_BYTES), CHAT_PROCESS_BYTES);
    close(ends[0]);
    close(ends[1]);
    return child;
}

static void a_process_is_dead_from_its_end_on(void **state)
{
    char own[CHAT_PROCESS_BYTES], identity[CHAT_PROCESS_BYTES] = "";
    siginfo_t info;

    (void)state;
    chat_process_identify(own);
    assert_false(chat_process_is_dead(own, eio_slice_of(own)));
    pid_t child = start_child(identity);
    assert_false(chat_process_is_dead(own, eio_slice_of(identity)));
    kill(child, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_true(
        chat_process_is_dead(own, eio_slice_of(identity))); /* nobody has waited for it yet */
    waitpid(child, NULL, 0);
    assert_true(chat_process_is_dead(own, eio_slice_of(identity)));
}

static void who_runs_elsewhere_is_not_called_dead(void **state)
{
    static const char own[] = "boot/pid:[1]/5/77";
    static const char *const others[] = {
        "other/pid:[1]/999999999/1",
        "boot/pid:[2]/999999999/1",
        "boot/pid:[1]/",
        "boot/pid:[1]/x/1",
        "boot/pid:[1]/0/1",
        "boot/pid:[1]/9999999999/1",
        "boot/pid:[1]/5",
        "1",
        "?",
        "",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(chat_process_is_dead(own, eio_slice_of(others[i])));
    assert_false(chat_process_is_dead("?", EIO_STR("?")));
    assert_true(chat_process_is_dead(own, EIO_STR("boot/pid:[1]/999999999/1")));
}

static void a_number_that_is_used_again_is_another_process(void **state)
{
    char own[CHAT_PROCESS_BYTES], other[CHAT_PROCESS_BYTES + 2];

    (void)state;
    chat_process_identify(own);
    snprintf(other, sizeof(other), "%s9", own);
    assert_true(chat_process_is_dead(own, eio_slice_of(other)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_is_dead_from_its_end_on),
        cmocka_unit_test(who_runs_elsewhere_is_not_called_dead),
        cmocka_unit_test(a_number_that_is_used_again_is_another_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
