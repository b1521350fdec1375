# CPack runs this when the files of a package are in place: what packages have otherwise than 'cmake --install'.
set(usr ${CPACK_TEMPORARY_INSTALL_DIRECTORY}${CPACK_PACKAGING_INSTALL_PREFIX})
set(doc ${usr}/share/doc/hello-rabbit)
file(GLOB compressed ${usr}/share/man/man1/*.1)

if(CPACK_GENERATOR STREQUAL DEB)
    # The licence is in the file copyright, and names are those of Debian's policy.
    file(REMOVE ${doc}/LICENSE)
    if(EXISTS ${doc}/CHANGELOG.md)
        file(RENAME ${doc}/CHANGELOG.md ${doc}/changelog)
        list(APPEND compressed ${doc}/changelog)
    endif()
    file(COPY_FILE ${CPACK_HELLO_RABBIT_DEBIAN}/changelog ${doc}/changelog.Debian)
    list(APPEND compressed ${doc}/changelog.Debian)
    file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/debian/copyright ${doc}/copyright)
    file(MAKE_DIRECTORY ${usr}/share/lintian/overrides)
    file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/debian/lintian-overrides ${usr}/share/lintian/overrides/hello-rabbit)
endif()

file(GLOB programs ${usr}/bin/*)
execute_process(COMMAND strip --strip-all --remove-section=.comment --remove-section=.note ${programs}
                COMMAND_ERROR_IS_FATAL ANY)
if(compressed)
    execute_process(COMMAND gzip -9n ${compressed} COMMAND_ERROR_IS_FATAL ANY)
endif()
file(GLOB_RECURSE files ${usr}/share/*)
file(CHMOD ${files} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
