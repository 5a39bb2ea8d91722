/** What is in a torrent. */
export interface Description {
  infoHash: string;
  name: string;
  totalBytes: number;
  pieceLength: number;
  singleFile: boolean;
  private: boolean;
  trackers: string[][];
  webSeeds: string[];
  files: DescribedFile[];
}

export interface DescribedFile {
  /** Safe parts of a path, the torrent's own folder first if it has one. */
  path: string[];
  length: number;
  /** Where it begins among the bytes of the torrent. */
  offset: number;
  /** No bytes of it are ever stored: a pad, or a symbolic link. */
  skip: boolean;
}

/** What is in a magnet link. */
export interface Magnet {
  infoHash: string;
  name: string | null;
  trackers: string[];
  peers: string[];
  webSeeds: string[];
}
