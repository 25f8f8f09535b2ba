// apply_mail.cc - the rows of a message itself, whichever mailboxes it is in: its place, texts, copies, thread and delivery id.
#include "libmailcore/store/local/apply.h"
#include "libmailcore/store/octets.h"

namespace ostler::store::local {

void putMail(Txn& txn, const EmailId& id, MailRow row, const PreparedColumns& columns) {
  const std::size_t size =
      columns.envelope.size() + columns.body.size() + columns.bodyStructure.size() + columns.subject.size() + columns.summary.size();
  row.preparedVersion = 0;
  std::string texts;
  if (size <= kPreparedKept) {
    row.preparedVersion = columns.version;
    texts = packTexts({columns.envelope, columns.body, columns.bodyStructure});
    row.texts = texts;
    txn.putBehind(Table::subject, id.octets(), encodeRow(TextRow{columns.version, columns.subject}));
    txn.putBehind(Table::summary, id.octets(), encodeRow(TextRow{columns.version, columns.summary}));
  } else {
    txn.erase(Table::subject, id.octets());
    txn.erase(Table::summary, id.octets());
  }
  txn.putBehind(Table::mail, id.octets(), encodeRow(row));
}

void Apply::renew(const EmailId& id, const PreparedColumns& columns) {
  const auto octets = txn_.get(Table::mail, id.octets());
  if (!octets) return;  // expunged meanwhile
  const std::string before(*octets);
  const MailRow known = mailRow(before);
  if (known.preparedVersion == 0 || known.preparedVersion >= columns.version) return;
  putMail(txn_, id, known, columns);
  hasRenewed_ = true;
}

// The row of an email id, made or used once more.
Detail Apply::newMail(const Arrival& r) {
  Detail detail{r.internalDate, r.saveDate, 0, r.emailId, r.threadId, 0};
  if (r.kind == ContentKind::known) {
    const auto octets = txn_.get(Table::mail, r.emailId.octets());
    if (!octets) contradiction("an arrival refers to an email id that is not there");
    const MailRow known = mailRow(*octets);
    detail.size = known.place.size();
    detail.threadId = known.threadId;
    detail.traits = known.traits;
    Cursor copies(txn_, Table::known);
    addCopy(copies, r.emailId);
    return detail;
  }
  MailRow row;
  row.place = {r.kind, at_, contentLength_ - r.tail.size(), r.tail.size(), r.fileOffset, r.fileLength, r.fileCrc};
  const auto hinted = hints_.find(r.emailId);
  const auto columns = hinted != hints_.end() ? hinted->second
                       : r.kind == ContentKind::here
                           ? std::make_shared<const PreparedColumns>(prepareColumns(r.tail))
                           : std::make_shared<const PreparedColumns>(prepareColumns(std::string(r.tail) + readFile_(r)));
  row.traits = packTraits(columns->traits);
  if (!r.uidl.empty()) row.traits |= kHasImportedUidl;
  row.threadId = r.threadId;
  row.uidl = r.uidl;
  std::string keys;
  for (const std::string_view key : threadKeys(*columns)) putFixed(keys, threadHash(key));
  row.threadKeys = keys;
  putMail(txn_, r.emailId, row, *columns);
  for (OctetReader hashes(keys); !hashes.done();) addThreadUser(hashes.fixed<std::uint64_t>(), r.threadId);
  countLive(row.place, true);
  detail.size = row.place.size();
  detail.traits = row.traits;
  return detail;
}

void Apply::addCopy(Cursor& known, const EmailId& id) {
  std::string count;
  putVarint(count, 1);
  if (known.insert(copiesKey(id), count)) return;
  const std::uint64_t before = OctetReader(known.value()).varint();
  count.clear();
  putVarint(count, before + 1);
  known.replace(count);
}

// A message that left a mailbox: was it the last one with this email id?
void Apply::release(const EmailId& id) {
  if (const auto copies = txn_.get(Table::known, copiesKey(id))) {
    const std::uint64_t left = OctetReader(*copies).varint() - 1;
    std::string count;
    putVarint(count, left);
    if (left == 0) {
      txn_.erase(Table::known, copiesKey(id));
    } else {
      txn_.put(Table::known, copiesKey(id), count);
    }
    return;
  }
  const auto octets = txn_.get(Table::mail, id.octets());
  if (!octets) contradiction("a message without its row");
  const MailRow row = mailRow(*octets);
  if (row.place.kind == ContentKind::file) deadFiles_.push_back(messageFileName(id));
  const ContentPlace place = row.place;
  const std::string keys(row.threadKeys);
  txn_.erase(Table::mail, id.octets());
  txn_.erase(Table::subject, id.octets());
  txn_.erase(Table::summary, id.octets());
  countLive(place, false);
  for (OctetReader hashes(keys); !hashes.done();) dropThreadUser(hashes.fixed<std::uint64_t>());
}

void Apply::countLive(const ContentPlace& place, bool arrives) {
  const std::string key = segmentKey(place.record.segment);
  const auto octets = txn_.get(Table::state, key);
  SegmentRow row = octets ? segmentRow(*octets) : SegmentRow{};
  const std::uint64_t size = place.headLength + place.tailLength;
  if (arrives) {
    row.live += size;
    row.total += size;
  } else {
    row.live -= std::min(row.live, size);
    released_ += size;
  }
  txn_.put(Table::state, key, encodeRow(row));
}

void Apply::addThreadUser(std::uint64_t hash, const EmailId& threadId) {
  const std::string key = threadKey(hash);
  const auto octets = txn_.get(Table::known, key);
  ThreadRow row = octets ? threadRow(*octets) : ThreadRow{threadId, 0};
  ++row.users;
  txn_.put(Table::known, key, encodeRow(row));
}

void Apply::dropThreadUser(std::uint64_t hash) {
  const std::string key = threadKey(hash);
  const auto octets = txn_.get(Table::known, key);
  if (!octets) return;
  ThreadRow row = threadRow(*octets);
  if (row.users <= 1) {
    txn_.erase(Table::known, key);
  } else {
    --row.users;
    txn_.put(Table::known, key, encodeRow(row));
  }
}

void Apply::rememberDelivery(const Arrival& r, const Box& to) {
  const std::string key = deliveryKey(r.deliveryId);
  txn_.put(Table::known, key, encodeRow(DeliveryRow{to.row.id, to.row.uidValidity, r.uid}));
  txn_.put(Table::known, deliveryOrderKey(account_.nextDelivery++), key);
  while (account_.nextDelivery - account_.firstDelivery > kDeliveriesKept) {
    const std::string oldest = deliveryOrderKey(account_.firstDelivery++);
    const auto forgotten = txn_.get(Table::known, oldest);
    if (forgotten) txn_.erase(Table::known, std::string(*forgotten));
    txn_.erase(Table::known, oldest);
  }
  accountChanged_ = true;
}

void Apply::apply(const ContentMoved& r) {
  const auto octets = txn_.get(Table::mail, r.emailId.octets());
  if (!octets) return;  // expunged meanwhile
  MailRow row = mailRow(*octets);
  const ContentPlace before = row.place;
  row.place.record = at_;
  row.place.headLength = contentLength_ - r.tail.size();
  row.place.tailLength = r.tail.size();
  const ContentPlace after = row.place;
  txn_.put(Table::mail, r.emailId.octets(), encodeRow(row));
  countLive(before, false);
  countLive(after, true);
}

}  // namespace ostler::store::local
