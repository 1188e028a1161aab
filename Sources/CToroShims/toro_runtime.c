// What Toro asks of the Swift runtime by the entry points that compiled Swift code itself calls, where the public calls
// cost more than all the rest of a wait. Nothing here knows a layout beyond the calling convention of async functions.
// Building with TORO_PUBLIC_RUNTIME_ONLY defined leaves all of it unused.
#include "toro_shims.h"

typedef struct async_context {
  struct async_context *parent;
  void *resume;
} async_context;

extern __attribute__((swiftasynccall)) void swift_task_switch(
    __attribute__((swift_async_context)) async_context *context, void *resume, void *identity, void *implementation);

// An async function whose whole body is a switch to the given executor: the task goes on in the caller when its job is
// run. Called from Swift as `nonisolated(nonsending)`, hence the two words of the caller's isolation.
__attribute__((swiftasynccall)) void toro_park_switch(
    __attribute__((swift_async_context)) async_context *context, void *isolation, void *witness, void *executor) {
  void **words = executor;
  (void)isolation;
  (void)witness;
  __attribute__((musttail)) return swift_task_switch(context, context->resume, words[0], words[1]);
}

// The same by a name that is bound within a shared library.
extern __attribute__((swiftasynccall, alias("toro_park_switch"), visibility("hidden"))) void toro_park_switch_here(
    __attribute__((swift_async_context)) async_context *context, void *isolation, void *witness, void *executor);

// The async function pointer that goes with it: where the code is, and how large a context it needs.
__asm__(
    ".section .rodata\n"
    ".globl toro_park_switchTu\n"
    ".p2align 3\n"
    "toro_park_switchTu:\n"
    "  .long toro_park_switch_here - toro_park_switchTu\n"
    "  .long 32\n"
    ".text\n");

typedef __attribute__((swiftcall)) void (*cancellation_function)(__attribute__((swift_context)) void *context);

extern __attribute__((swiftcall)) void *swift_task_addCancellationHandler(cancellation_function function, void *context);
extern __attribute__((swiftcall)) void swift_task_removeCancellationHandler(void *record);

static __attribute__((swiftcall)) void waiter_cancelled(__attribute__((swift_context)) void *waiter) {
  toro_waiter_cancelled(waiter);
}

static __attribute__((swiftcall)) void task_cancelled(__attribute__((swift_context)) void *record) {
  toro_task_cancelled(record);
}

void *toro_add_waiter_cancellation_handler(void *waiter) {
  return swift_task_addCancellationHandler(waiter_cancelled, waiter);
}

void *toro_add_task_cancellation_handler(void *record) {
  return swift_task_addCancellationHandler(task_cancelled, record);
}

void toro_remove_cancellation_handler(void *record) { swift_task_removeCancellationHandler(record); }
