#include "libmailcore/config/file_system.h"

#include <catch2/catch.hpp>
#include <filesystem>

using namespace ostler::config;

TEST_CASE("a file system of another machine, of a program or in memory is none on a local disk") {
  struct Row {
    const char* name;
    unsigned long type;
    FileSystem is;
  };
  for (const Row& row : {
           Row{"ext4", 0xEF53, FileSystem::disk}, Row{"xfs", 0x58465342, FileSystem::disk}, Row{"btrfs", 0x9123683E, FileSystem::disk},
           Row{"zfs", 0x2FC12FC1, FileSystem::disk}, Row{"overlay", 0x794C7630, FileSystem::disk}, Row{"nfs", 0x6969, FileSystem::network},
           Row{"cifs", 0xFF534D42, FileSystem::network}, Row{"cifs, as f_type has it", static_cast<unsigned long>(static_cast<long>(-11317950)), FileSystem::network},
           Row{"smb2", 0xFE534D42, FileSystem::network}, Row{"9p", 0x01021997, FileSystem::network}, Row{"fuse", 0x65735546, FileSystem::network},
           Row{"ceph", 0x00C36400, FileSystem::network}, Row{"afs", 0x5346414F, FileSystem::network}, Row{"tmpfs", 0x01021994, FileSystem::memory},
           Row{"ramfs", 0x858458F6, FileSystem::memory}, Row{"what nobody has heard of", 0x1234567, FileSystem::disk},
       }) {
    INFO(row.name);
    CHECK(fileSystemOf(row.type) == row.is);
  }
}

TEST_CASE("of a folder that is not there yet the one above it says where it will be") {
  const std::filesystem::path below = "/dev/shm/not/there/yet";
  if (const auto known = fileSystemAt("/dev/shm"); known && *known == FileSystem::memory) {
    CHECK(fileSystemAt(below) == FileSystem::memory);
  }
  CHECK(fileSystemAt("/proc/not/there") == FileSystem::disk);
}
