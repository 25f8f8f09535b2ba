// workloads.h - the workloads; main.cc says what each does.
#pragma once

#include "tests/bench/mailload/measure.h"

namespace mailload {

void smtp(const Options& options);
void smtpConnects(const Options& options);
void smtpIdle(const Options& options);
void sink(const Options& options);
void imapFill(const Options& options);
void imapAppend(const Options& options);
void imapCommands(const Options& options);
void imapCopyMove(const Options& options);
void imapIdle(const Options& options);
void pop3List(const Options& options);
void pop3Retrieve(const Options& options);
void logins(const Options& options);

}  // namespace mailload
