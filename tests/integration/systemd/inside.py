"""inside.py - runs as root in the booted machine; prints a line for each case. See run."""
import time

import packages
import running
import sandbox
from machine import case

began = time.monotonic()
case('the package installs without a question and starts nothing', packages.install)
case('ostler setup: configuration, certificate, user, DNS records, and it runs', packages.setup)
case('ostler setup with a certificate that only root may read: the processes can', packages.given_certificate)
case('every process has a user of its own', sandbox.own_users)
case('a message is sent through submission, and fetched over IMAP and POP3', lambda: running.mail_flows(began))
case('large messages are read by every process that may', running.large_messages)
case('postmaster and root have an owner', running.postmaster)
case('sendmail of any user delivers', running.local_submission)
case('each process is restarted: no port is closed meanwhile, what was acknowledged arrives once', running.restarts)
case('a process that was stopped is started by its socket', running.sockets_stay_open)
case('an IMAP session goes on while spool, out and smtpd restart', running.sessions_survive)
case('each process is killed: no port is closed meanwhile, what was acknowledged arrives once', running.kills)
case('nothing arrived twice', running.once_each)
case('each process is reloaded', running.reloads)
case('a new certificate is used after a reload', running.certificate_reload)
case('files and sockets of others are closed to each process', sandbox.denied_files)
case('what a unit denies fails, tried from inside each unit', sandbox.denied_by_unit)
case('a process that stands still is started anew', sandbox.watchdog)
case('a listener more below 1024, held by systemd; a reload without that changes nothing', running.listener_of_units)
case('a reload of ostler run opens a port below 1024, and its processes are not root', running.listener_of_supervisor)
case('the names of other mail systems: who provides them, and they work', packages.compat_names)
case('a program behind an alias: its socket starts the process, and it runs as nobody', packages.program_of_alias)
case('ostler-mta and another mail-transport-agent exclude each other', packages.another_mta)
case('the journal has fields of ours, and ostler log follows a message through it', running.journal)
case('status and doctor find all well', running.tools)
case('a syslog server hears of processes that have no network', running.remote_syslog)
case('the local syslog hears every process, also in the place of a server that is away', running.local_syslog)
case('every process writes to one log file, and logrotate rotates it', running.log_file)
case('profiles/imail.yaml: a log file a day, written by every process', running.imail_profile)
case('a backup is restored with the owners that each process needs', running.backup)
case('an upgrade asks nothing, keeps configuration and mail, and loses nothing meanwhile', packages.upgrade)
case('stop ends all of it cleanly, start brings it back', running.stop)
case('removal keeps the configuration, purge asks before it takes mail', packages.purge)
print('# done', flush=True)
