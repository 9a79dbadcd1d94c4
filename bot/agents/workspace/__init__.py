"""The files of a run: a checkout of the repository that an agent works in, and what surrounds it.

Below the root folder:

- ``mirrors/OWNER/NAME.git``: a bare repository, fetched with the bot's credentials. All processes of this machine share
  it, and every run of the repository has its objects from there.
- ``spares/OWNER/NAME/ready``: a workspace's ``git`` and ``worktree`` for the next new run.
- ``runs/ID/worktree``: the files. In it ``.git``, a repository for the agent alone, which the bot writes before each
  turn and never reads.
- ``runs/ID/git``: the bot's own repository of the same files, which no agent sees.
- ``runs/ID/home``, ``tmp``: the agent's; its files of sessions are kept between turns.
- ``runs/ID/workspace.json``: which branch it is, and so on.

`workspaces` opens a run's workspace (`model`) for its next turn. A new one starts where `starting_points` says, with
objects from the `mirrors` and, if there is one, with the files of one of the `spares`; `repositories` writes its two
git repositories. `set_up` runs the repository's set-up commands in it, and `sweep` deletes what is not used any more.
`locks` excludes other processes, `folders` deletes what an agent may have protected, and `failures` says what went
wrong.
"""
