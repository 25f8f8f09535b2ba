// header.h - the header section of a message: its fields with exact octet offsets, and where the body starts.
// Is not: what a field means; see address_list.h, date_time.h, content_type.h, encoded_word.h.
// Tolerant of what is in the wild: bare LF, lines without a colon, an mbox "From " line first, huge fields, NULs.
// RFC 5322 2.2 (fields), 2.2.3 (folding), 3.5.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ostler::message {

/// One field where it lies. Views into the content.
struct HeaderField {
  std::string_view name;   ///< as written; empty when the line is no field (no colon, an mbox "From " line)
  std::string_view value;  ///< behind the colon up to the final line end, folds included
  std::size_t offset = 0;  ///< of the field's first octet in the content
  std::size_t length = 0;  ///< octets with all of its line ends
};

/// The header section at the start of `content`, which outlives the view. Copies nothing. A value; any thread.
class HeaderView {
 public:
  /// Finds the empty line: O(header).
  explicit HeaderView(std::string_view content);

  /// Octets of the section with the empty line that ends it: the offset of the body. Without an empty line all is
  /// header.
  [[nodiscard]] std::size_t length() const { return text_.size(); }
  [[nodiscard]] std::string_view text() const { return text_; }
  /// Octets of the fields, without the empty line.
  [[nodiscard]] std::size_t fieldsLength() const { return fieldsLength_; }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = HeaderField;
    using difference_type = std::ptrdiff_t;
    using pointer = const HeaderField*;
    using reference = const HeaderField&;
    Iterator() = default;
    explicit Iterator(std::string_view fields) : fields_(fields) { read(0); }
    reference operator*() const { return field_; }
    pointer operator->() const { return &field_; }
    Iterator& operator++() {
      read(field_.offset + field_.length);
      return *this;
    }
    bool operator==(const Iterator& other) const {
      return field_.length == other.field_.length && (field_.length == 0 || field_.offset == other.field_.offset);
    }

   private:
    void read(std::size_t at);
    std::string_view fields_;
    HeaderField field_;  // length 0: the end
  };
  /// In the order of the message; lines that are no field come with an empty name.
  [[nodiscard]] Iterator begin() const { return Iterator(text_.substr(0, fieldsLength_)); }
  [[nodiscard]] Iterator end() const { return {}; }

  /// The first field of that name, whatever its case.
  [[nodiscard]] std::optional<HeaderField> find(std::string_view name) const;
  [[nodiscard]] std::vector<HeaderField> findAll(std::string_view name) const;
  /// unfold() of the first field of that name; empty without one.
  [[nodiscard]] std::string unfolded(std::string_view name) const;

 private:
  std::string_view text_;
  std::size_t fieldsLength_ = 0;
};

/// A raw value as one line: line ends and NULs taken out, no WSP at both ends. RFC 5322 2.2.3.
[[nodiscard]] std::string unfold(std::string_view raw);

}  // namespace ostler::message
